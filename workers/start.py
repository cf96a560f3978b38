"""What every command does first. Light: `reelyard status` shall not load what only workers need."""

import os

from models.migrations import migrate
from models.settings import settings_or_exit


def start_up() -> None:
    """Settings read, database up to date, ffmpeg known. A wrong setting ends the program."""
    chosen = settings_or_exit()
    chosen.data.mkdir(parents=True, exist_ok=True)
    if chosen.ffmpeg:
        os.environ["REELYARD_FFMPEG"] = chosen.ffmpeg
    migrate()
