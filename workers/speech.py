"""Which speech engine this process gives its media children: they have no network for a model."""

import threading
import time
from collections.abc import Callable

from models.settings import settings
from pipeline.transcribe import Choice, choose_engine
from workers.log import log

AGAIN_S = 600
"""After so long it is asked again: a network may have come."""

_lock = threading.Lock()
_known: tuple[float, Choice] | None = None


def chosen_engine() -> tuple[str, str]:
    """Engine and model folder ("" where it has none)."""
    choice = choice_now()
    return choice.engine, str(choice.model_path or "")


def choice_now(progress: Callable[[float], None] | None = None) -> Choice:
    """`progress` gets 0..1 while a model is fetched, at first use."""
    global _known
    with _lock:
        if _known is None or time.monotonic() - _known[0] > AGAIN_S:
            engine = "none" if settings().speech_model == "none" else settings().speech
            folder = (settings().data / "models").absolute()
            folder.mkdir(parents=True, exist_ok=True)
            choice = choose_engine(
                engine, settings().speech_model, cache_dir=folder, progress=progress
            )
            log().info("speech engine", engine=choice.engine, note=choice.note)
            _known = (time.monotonic(), choice)
        return _known[1]
