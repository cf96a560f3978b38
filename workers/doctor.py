"""`reelyard doctor`: is everything there that the main job needs; if not, what to do."""

import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import redis
from sqlalchemy import text

from models.base import engine, new_id
from models.migrations import up_to_date
from models.settings import settings
from models.storage import store
from pipeline import ffmpeg, landlock, provenance, sandbox
from workers.disk import MB, free_bytes
from workers.speech import choice_now

Finding = tuple[bool, str]


def ffmpeg_found() -> Finding:
    found = ffmpeg.version()
    shown = ".".join(map(str, found)) or "unknown version"
    if found and found < ffmpeg.OLDEST:
        return (
            False,
            f"{shown} is too old (a known hole); unset REELYARD_FFMPEG to use the bundled one",
        )
    return True, f"{shown}, {'named by REELYARD_FFMPEG' if settings().ffmpeg else 'bundled'}"


def libraries() -> Finding:
    names = (
        "av",
        "opencv-python-headless",
        "faster-whisper",
        "c2pa-python",
        "dramatiq",
        "sqlalchemy",
    )
    return True, ", ".join(f"{name} {version(name)}" for name in names)


def confinement() -> Finding:
    have = ["limits"]
    if landlock.version():
        have.append("their own files alone")
    if sandbox.has_network_namespace():
        have.append("no network")
    text = f"media children run with {', '.join(have)}"
    if len(have) < 3:
        text += "; for more: a kernel with Landlock, and unprivileged user namespaces allowed"
    return True, text


def speech() -> Finding:
    choice = choice_now()
    return True, f"{choice.engine}: {choice.note}"


def database() -> Finding:
    with engine().connect() as connection:
        connection.execute(text("SELECT 1"))
    if not up_to_date(engine()):
        return False, "it lacks the newest migration; run `reelyard migrate`"
    return True, engine().dialect.name


def broker() -> Finding:
    if not settings().broker_url:
        return True, "inside the process (one machine)"
    client = redis.Redis.from_url(settings().broker_url, socket_connect_timeout=3, socket_timeout=3)
    facts = client.info()
    policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "?")
    if policy != "noeviction":
        return (
            False,
            f"redis {facts['redis_version']} may drop bells: set maxmemory-policy noeviction",
        )
    kept = "on" if facts.get("aof_enabled") else "off"
    return (
        True,
        f"redis {facts['redis_version']}, append-only {kept}",
    )


def storage() -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe"
        path.write_bytes(os.urandom(64))
        key = f"zz/doctor-{new_id()}.bin"
        store().put(path, key)
        try:
            same = b"".join(store().read(key)) == path.read_bytes()
        finally:
            store().delete(key)
    return same, f"{type(store()).__name__}: a file came back {'unchanged' if same else 'changed'}"


def disk() -> Finding:
    free, kept = free_bytes() // MB, settings().keep_free_mb
    return free > kept, f"{free} MB free, work stops below {kept} MB (REELYARD_KEEP_FREE_MB)"


def signing() -> Finding:
    chain = provenance.ensure_chain(settings().resolved_keys)
    return True, f"{chain.subject}, valid until {chain.not_after:%Y-%m-%d}"


CHECKS: dict[str, Callable[[], Finding]] = {
    "ffmpeg": ffmpeg_found,
    "libraries": libraries,
    "sandbox": confinement,
    "speech": speech,
    "database": database,
    "broker": broker,
    "storage": storage,
    "disk": disk,
    "signing key": signing,
}


def examine() -> dict[str, Finding]:
    return {name: _found(check) for name, check in CHECKS.items()}


def _found(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:
        first = str(error.__cause__ or error).strip().splitlines()
        return False, f"{first[0] if first else type(error).__name__}"
