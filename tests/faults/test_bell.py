"""F11: Redis is only a bell. Emptied again and again, it loses no work."""

from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text

from pipeline import ffmpeg
from tests.commands import running, until
from tests.servers import redis_server

FILES = 6


@pytest.mark.timeout(240)
def test_an_emptied_redis_loses_nothing(home: Path, tmp_path: Path) -> None:
    database = create_engine(f"sqlite:///{home / 'reelyard.db'}")
    with redis_server() as url:
        settings = {"REELYARD_DATA": str(home), "REELYARD_BROKER_URL": url}
        bell = redis.Redis.from_url(url)

        def done() -> bool:
            bell.flushall()
            with database.connect() as connection:
                states = connection.execute(text("SELECT state FROM recording")).scalars().all()
            return states.count("done") == FILES

        with (
            running("watch", log=tmp_path / "watch.log", **settings),
            running("work", log=tmp_path / "work.log", **settings),
        ):
            until((home / "inbox").exists, 60, "the inbox is there")
            for number in range(FILES):
                tone = home / "inbox" / f"{number}.m4a"
                sound = f"sine=frequency={300 + number}:d=2"
                ffmpeg.run(["-f", "lavfi", "-i", sound, "-c:a", "aac", ffmpeg.url(tone)])
            until(done, 120, "every recording is done")
        bell.close()
    database.dispose()
