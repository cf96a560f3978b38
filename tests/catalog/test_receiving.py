"""Files that are sent to be verified: broken, huge, hostile, too many; nothing of them is kept."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from catalog import verifying
from catalog.web import receiving
from catalog.web import verifying as pages
from models.settings import settings
from tests import people

BOUNDARY = "x1x"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(autouse=True)
def _nothing_is_kept(database: Path) -> Iterator[None]:
    yield
    left = settings().work_folder / "verify"
    assert not left.exists() or list(left.iterdir()) == []


def send(client: TestClient, content: bytes, name: str = "clip.mp4") -> Response:
    """By the page's form."""
    token = people.form_token(client)
    return client.post("/verify", data={"form_token": token}, files={"file": (name, content)})


def part(name: str, content: bytes, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


BROKEN: list[tuple[bytes, dict[str, str]]] = [
    (b"", FORM),
    (b"no form at all", FORM),
    (b"x", {"Content-Type": "multipart/form-data"}),
    (b"x", {"Content-Type": "multipart/form-data; boundary="}),
    (part("file", b"a", "a") + part("file", b"b", "b") + END, FORM),
    (b"".join(part(f"f{at}", b"x") for at in range(50)) + END, FORM),
    (part("license", b"a" * 100_000) + END, FORM),
    (part("other", b"a", "a.mp4") + END, FORM),
    (part("file", b"", "empty.mp4") + END, FORM),
    (b"--x1x\r\n" + b"A: " + b"b" * 20_000 + b"\r\n\r\n", FORM),
    (b"--x1x\r\n" + b"A: b\r\n" * 500 + b"\r\n", FORM),
]


@pytest.mark.parametrize("door", ["/verify", "/api/v1/verify"])
def test_a_broken_form_is_refused_with_a_reason(client: TestClient, door: str) -> None:
    for body, headers in BROKEN:
        answer = client.post(door, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, body[:80]
        assert len(answer.text) > 20


def test_a_form_that_ends_too_early_tells_no_lie(client: TestClient) -> None:
    cut = part("file", b"half of a clip", "clip.mp4")[:-6]
    answer = client.post("/api/v1/verify", content=cut, headers=FORM)
    assert answer.status_code == 400


def test_a_file_may_have_so_many_bytes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_BYTES", 100_000)
    monkeypatch.setattr(receiving, "AT_ONCE", 1_000)
    assert client.post("/api/v1/verify", content=b"a" * 100_000).json()["said"] == "unknown"
    assert client.post("/api/v1/verify", content=b"a" * 100_001).status_code == 413
    assert send(client, b"a" * 100_001).status_code == 413


def test_no_upload_fills_the_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LOOK_EVERY", 1)
    monkeypatch.setenv("REELYARD_KEEP_FREE_MB", str(1 << 40))
    settings.cache_clear()
    assert client.post("/api/v1/verify", content=b"a" * 100).status_code == 503


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    there = {"Origin": "https://elsewhere.example"}
    answer = client.post("/verify", files={"file": ("a", b"a")}, headers=there)
    assert answer.status_code == 400
    people.sign_in(client, "ada@example.org")
    assert client.post("/verify", data={"license": "0" * 32}).status_code == 400


def test_files_are_looked_at_so_often_by_one_address(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FILES", 2)
    answers = [client.post("/api/v1/verify", content=b"a") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert send(client, b"a").status_code == 429


def test_only_so_many_files_are_read_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(verifying, "_places", full)
    monkeypatch.setattr(verifying, "WAIT_S", 0.05)
    answer = client.post("/api/v1/verify", content=b"a")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert send(client, b"a").status_code == 503


def test_a_reader_that_dies_or_hangs_is_an_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[Any] = [
        subprocess.CompletedProcess([], 1, b"", b""),
        subprocess.CompletedProcess([], 0, b"no json", b""),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *_, **__: ends.pop())
        answers = [client.post("/api/v1/verify", content=b"a").status_code for _ in range(2)]
    monkeypatch.setattr(verifying, "WALL_S", 0.01)
    answers.append(client.post("/api/v1/verify", content=b"a").status_code)
    assert answers == [422, 422, 422]
    assert verifying._places.acquire(timeout=1), "its place was given back"
    verifying._places.release()


HOSTILE = {
    "nothing": b"\x00",
    "only a head": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
    "a box larger than the file": b"\x00\x00\x00\x18ftypisom"
    + b"\x00" * 12
    + b"\x7f\xff\xff\xffuuid",
    "a box of no size": b"\x00\x00\x00\x18ftypisom"
    + b"\x00" * 12
    + b"\x00\x00\x00\x01moov"
    + b"\xff" * 8,
    "boxes in boxes": (b"\x00\x00\xff\xffmoov" * 5_000),
    "a jpeg without an end": b"\xff\xd8\xff\xe0" + b"\xff\xeb\xff\xff" * 1_000,
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "json": b'{"schema": "reelyard.license/1", "license": 7}',
    "deep json": b'{"a":' * 20_000,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
    "an archive": b"PK\x03\x04" + b"\x00" * 100,
}


def test_hostile_files_are_answered(client: TestClient) -> None:
    for name, content in HOSTILE.items():
        answer = client.post("/api/v1/verify", content=content)
        assert answer.status_code in (200, 422), name
        if answer.status_code == 200:
            assert answer.json()["said"] in ("unknown", "changed", "somebody else's"), name
