"""The choice of an engine, and the model's way from the hub: never a long wait for a network."""

import contextlib
import hashlib
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from huggingface_hub import constants

from pipeline.audio import decode_pcm
from pipeline.speech import fetch
from pipeline.transcribe import choose_engine, quality_note, transcribe
from tests.tiny_whisper import build

ROOT = Path(__file__).parent.parent.parent
SCRIPT = "welcome back everyone"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "my-whisper", SCRIPT)


@pytest.mark.parametrize(("width", "quality"), [(384, "fair"), (512, "fair"), (768, "good")])
def test_the_model_s_own_size_says_how_good_it_is(width: int, quality: str, tmp_path: Path) -> None:
    folder = build(tmp_path / "unnamed", "yes", width=width)
    choice = choose_engine("auto", str(folder), cache_dir=tmp_path)
    assert quality_note(quality) in choice.note


class Hub(ThreadingHTTPServer):
    """Answers like the model hub, for one repository that holds the files of a folder."""

    def __init__(self, folder: Path, repository: str) -> None:
        self.files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        self.repository, self.asked = repository, 0
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked += 1
        path = self.path.partition("?")[0]
        name, commit = path.rpartition("/")[2], "c" * 40
        if path.startswith(f"/{self.server.repository}/resolve/") and name in self.server.files:
            self.send(self.server.files[name], {"X-Repo-Commit": commit})
        elif path.startswith(f"/api/models/{self.server.repository}/tree/"):
            files = self.server.files.items()
            rows = [
                {
                    "type": "file",
                    "path": key,
                    "size": len(body),
                    "oid": hashlib.sha1(body).hexdigest(),
                }
                for key, body in files
            ]
            self.send(json.dumps(rows).encode(), {})
        elif path.startswith(f"/api/models/{self.server.repository}"):
            rows = [{"rfilename": key} for key in self.server.files]
            about = {"id": self.server.repository, "sha": commit, "siblings": rows}
            self.send(json.dumps(about).encode(), {})
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def send(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


FIND = """
import sys
from pathlib import Path
from pipeline.speech.fetch import find_model
told = []
found = find_model("small", fetch=True, cache_dir=Path(sys.argv[1]), progress=told.append)
print(found, told[-1:])
"""


def find_in_new_process(endpoint: str, cache: Path) -> str:
    """The hub's address is read once, at import."""
    env = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache / "home")}
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    env.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", FIND, str(cache)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_model_is_fetched_once_and_then_found(tiny: Path, tmp_path: Path) -> None:
    with serving(Hub(tiny, "Systran/faster-whisper-small")) as hub:
        found, told = find_in_new_process(hub.url, tmp_path).rsplit(" ", 1)
        assert told == "[1.0]"
        asked = hub.asked
        assert find_in_new_process(hub.url, tmp_path).startswith(found)
        assert hub.asked == asked
    voice = decode_pcm(ROOT / "tests" / "assets" / "speech.ogg")
    heard = transcribe(voice, None, model=found)
    assert (heard.model, heard.text) == ("small", SCRIPT)


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A host that lets every connection wait, and a cache that knows nothing of it yet."""
    importlib.import_module("faster_whisper")  # takes a second, which is not waiting
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(socket.socket())
        host.bind(("127.0.0.1", 0))
        host.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(host.getsockname())
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{host.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "nothing"))
        monkeypatch.setattr(fetch, "_unreachable_until", 0.0)
        monkeypatch.setattr(fetch, "CONNECT_S", 0.7)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield tmp_path / "cache"


def test_a_missing_network_is_waited_for_once(
    silent_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = monotonic()
    choice = choose_engine("auto", "small", cache_dir=silent_hub)
    waited = monotonic() - began
    assert (choice.engine, choice.model_path) == ("pocketsphinx", None)
    assert "'small'" in choice.note
    assert 0.6 < waited < 5

    monkeypatch.setattr(fetch, "_unreachable_until", 0.0)  # as in another process
    monkeypatch.setattr(fetch, "CONNECT_S", 20.0)
    began = monotonic()
    assert choose_engine("auto", "small", cache_dir=silent_hub).engine == "pocketsphinx"
    assert monotonic() - began < 5


def test_a_name_look_up_that_never_ends_is_left_behind(
    silent_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(20) and [])
    began = monotonic()
    assert choose_engine("auto", "small", cache_dir=silent_hub).engine == "pocketsphinx"
    assert monotonic() - began < 5
    never.set()


def test_offline_means_that_nobody_is_asked(
    silent_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(fetch, "CONNECT_S", 20.0)
    began = monotonic()
    assert choose_engine("auto", "small", cache_dir=silent_hub).engine == "pocketsphinx"
    assert monotonic() - began < 5
    assert not silent_hub.exists()


def test_the_proxy_is_what_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert fetch._first_hop("https://hub.example") == ("proxy.example", 3128)
    assert fetch._first_hop("https://inside.example") == ("inside.example", 443)


def test_an_explicit_whisper_is_never_replaced_in_silence(silent_hub: Path) -> None:
    choice = choose_engine("whisper", "small", cache_dir=silent_hub, fetch=False)
    assert choice.engine == "none"
    assert "folder" in choice.note


def test_a_misspelt_model_is_named_with_what_there_is(silent_hub: Path) -> None:
    choice = choose_engine("auto", "smol", cache_dir=silent_hub)
    assert choice.engine == "pocketsphinx"
    assert "'smol'" in choice.note
    assert "small" in choice.note


def test_an_unknown_engine_is_an_error() -> None:
    with pytest.raises(ValueError, match="auto, whisper, pocketsphinx, none"):
        choose_engine("siri", "small", fetch=False)
