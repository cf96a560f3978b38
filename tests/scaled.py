"""The house at scale: settings that name a real Redis, PostgreSQL and S3 server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import S3_KEYS, postgres_server, redis_server, s3_server


@contextmanager
def scaled(data: Path) -> Iterator[dict[str, str]]:
    with redis_server() as broker, postgres_server() as database, s3_server() as storage:
        yield {
            "REELYARD_DATA": str(data),
            "REELYARD_BROKER_URL": broker,
            "REELYARD_DATABASE_URL": database,
            "REELYARD_STORAGE_URL": storage,
            **S3_KEYS,
        }
