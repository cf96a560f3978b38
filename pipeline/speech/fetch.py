"""Where the whisper model is: a folder, a cache or the hub. A missing network costs 3 s, once."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_S = 3.0
METADATA_S = 4.0
REMEMBER_S = 600
_FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]
_MARK = "hub-unreachable.json"

_unreachable_until = 0.0


def find_model(
    model: str,
    *,
    fetch: bool,
    cache_dir: Path,
    progress: Callable[[float], None] | None = None,
) -> Path | None:
    """The folder of `model`, None where it can't be had now.

    1. `model` is a folder. 2. It is in `cache_dir` or in the hub's own cache. 3. With `fetch` it is
    downloaded into `cache_dir`. A hub that did not answer is left alone for ten minutes, by other
    processes too: they find the note in `cache_dir`. ValueError: no such name.
    """
    if (folder := folder_of(model)) is not None:
        return folder
    repository = _repository(model)
    if (cached := _cached(repository, cache_dir)) is not None:
        return cached
    if not fetch or not _reachable(cache_dir):
        return None
    return _download(repository, cache_dir, progress or (lambda part: None))


def folder_of(model: str) -> Path | None:
    path = Path(model).expanduser()
    return path.resolve() if _whole(path) else None


def hub_cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _whole(folder: Path) -> bool:
    return (folder / "model.bin").is_file() and (folder / "config.json").is_file()


def _repository(model: str) -> str:
    """The hub's name of `model`: `small` is Systran/faster-whisper-small."""
    from faster_whisper.utils import _MODELS as named

    if "/" in model and not model.startswith((".", "/", "~")):
        return model
    if model not in named:
        raise ValueError(
            f"{model!r} is neither a folder with a Whisper model nor one of"
            f" {', '.join(sorted(named))}"
        )
    return str(named[model])


def _cached(repository: str, cache_dir: Path) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    for place in (cache_dir, hub_cache()):
        try:
            found = snapshot_download(
                repository, cache_dir=place, allow_patterns=_FILES, local_files_only=True
            )
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
            continue
        if _whole(Path(found)):
            return Path(found)
    return None


def _download(repository: str, cache_dir: Path, progress: Callable[[float], None]) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            repository,
            cache_dir=cache_dir,
            allow_patterns=_FILES,
            etag_timeout=METADATA_S,
            tqdm_class=_bar(progress),
        )
    except Exception:  # its HTTP library has changed three times, and so have the errors
        _remember(cache_dir)
        return None
    progress(1.0)
    return Path(found) if _whole(Path(found)) else None


def _bar(progress: Callable[[float], None]) -> type:
    """A tqdm class that draws nothing and tells `progress` the part of all bytes."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

    class Told(tqdm):  # type: ignore[misc]  # so its class is Any
        def __init__(self, *args: Any, **options: Any) -> None:
            self.bytes_done, self.counts_bytes = 0.0, options.get("unit") == "B"
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.bytes_done += n or 0
            # The total grows file by file; below a megabyte the model itself is not in it yet.
            if self.counts_bytes and (self.total or 0) > 1_000_000:
                progress(min(0.99, self.bytes_done / self.total))
            return None

    return Told


def _reachable(cache_dir: Path) -> bool:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or time.time() < max(_unreachable_until, _noted(cache_dir)):
        return False
    if _answers(*_first_hop(constants.ENDPOINT)):
        return True
    _remember(cache_dir)
    return False


def _first_hop(endpoint: str) -> tuple[str, int]:
    """Host and port to connect to: the proxy where one is set for the hub."""
    hub = urlsplit(endpoint)
    proxies = getproxies()
    proxy = proxies.get(hub.scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(hub.hostname or ""):
        return hub.hostname or "", hub.port or (443 if hub.scheme == "https" else 80)
    hop = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return hop.hostname or "", hop.port or (443 if hop.scheme == "https" else 80)


def _answers(host: str, port: int) -> bool:
    """In a thread of its own, because nothing bounds the time that a name look-up takes."""
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()
            answered.set()
        except OSError:
            pass
        finally:
            ended.set()

    ended = threading.Event()
    threading.Thread(target=connect, name="hub-probe", daemon=True).start()
    ended.wait(CONNECT_S)
    return answered.is_set()


def _noted(cache_dir: Path) -> float:
    try:
        until = float(json.loads((cache_dir / _MARK).read_text())["until"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
    return min(until, time.time() + REMEMBER_S)  # a clock that was wrong then


def _remember(cache_dir: Path) -> None:
    global _unreachable_until
    _unreachable_until = time.time() + REMEMBER_S
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        part = cache_dir / f"{_MARK}.{os.getpid()}"
        part.write_text(json.dumps({"until": _unreachable_until}))
        part.replace(cache_dir / _MARK)
    except OSError:
        return  # a read-only cache: this process remembers, the next one asks once more
