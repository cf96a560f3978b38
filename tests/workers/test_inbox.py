"""The watch folder, with real files and the real watcher: what lies still is taken, once."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.base import reading
from models.creator import Creator
from models.drop import Drop, Outcome
from models.recording import Recording
from models.storage import sha256_of
from pipeline import ffmpeg
from tests.commands import until
from workers.inbox import Inbox, as_path, as_text, creator_slug

TONE_S = 2


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tone") / "tone.m4a"
    ffmpeg.run(["-f", "lavfi", "-i", f"sine=d={TONE_S}", "-c:a", "aac", ffmpeg.url(path)])
    return path.read_bytes()


@pytest.fixture
def inbox(database: Path) -> Iterator[Path]:
    """A watched folder; the watcher must be alive at the end."""
    folder = database / "inbox"
    stop = threading.Event()
    watcher = threading.Thread(target=Inbox(folder).watch, args=(stop,))
    watcher.start()
    until(folder.exists, 5, "the inbox exists")
    yield folder
    assert watcher.is_alive()
    stop.set()
    watcher.join(10)


def drops() -> list[Drop]:
    with reading() as session:
        return list(session.scalars(select(Drop).order_by(Drop.created_ms)))


def recordings() -> list[Recording]:
    with reading() as session:
        return list(session.scalars(select(Recording)))


def seen(count: int, within_s: float = 20) -> list[Drop]:
    until(lambda: len(drops()) >= count, within_s, f"{count} files were seen")
    return drops()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_dropped_file_is_taken_and_lies_in_done(inbox: Path, tone: bytes) -> None:
    put(inbox / "ada" / "talk.m4a", tone)
    drop = seen(1)[0]
    assert drop.outcome == Outcome.TAKEN
    done = inbox / "ada" / "done" / "talk.m4a"
    until(done.exists, 5, "it was moved")
    assert done.read_bytes() == tone
    with reading() as session:
        assert session.scalars(select(Creator.slug)).all() == ["ada"]


def test_a_file_from_before_the_start_is_taken_too(database: Path, tone: bytes) -> None:
    put(database / "inbox" / "old.m4a", tone)
    stop = threading.Event()
    watcher = threading.Thread(target=Inbox(database / "inbox").watch, args=(stop,))
    watcher.start()
    assert seen(1)[0].outcome == Outcome.TAKEN
    stop.set()
    watcher.join(10)


def test_partial_downloads_and_dot_files_are_left_alone(inbox: Path, tone: bytes) -> None:
    names = ("a.mp4.part", "b.crdownload", "c.tmp", ".hidden.mp4", "done/x.mp4", "ada/done/y.mp4")
    for name in names:
        put(inbox / name, tone)
    put(inbox / "z.m4a", tone)
    seen(1)
    time.sleep(1.0)
    assert [drop.name for drop in drops()] == ["z.m4a"]
    assert all((inbox / name).exists() for name in names)


def test_a_file_that_grows_with_stalls_is_taken_whole(inbox: Path, tone: bytes) -> None:
    path = inbox / "growing.m4a"
    parts = [
        tone[start : start + len(tone) // 4 + 1]
        for start in range(0, len(tone), len(tone) // 4 + 1)
    ]
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
            file.flush()
            time.sleep(0.9)  # longer than the quiet time: only the open handle tells
            assert drops() == []
    assert seen(1)[0].outcome == Outcome.TAKEN
    done = inbox / "done" / "growing.m4a"
    until(done.exists, 5, "it was moved")
    assert done.read_bytes() == tone
    assert [row.sha256 for row in recordings()] == [sha256_of(done)]


def test_a_renamed_download_is_taken_under_its_new_name(inbox: Path, tone: bytes) -> None:
    path = put(inbox / "film.mp4.part", tone)
    time.sleep(0.3)
    path.rename(inbox / "film.m4a")
    assert seen(1)[0].name == "film.m4a"


def test_the_same_bytes_under_many_names_are_one_recording(inbox: Path, tone: bytes) -> None:
    for number in range(20):
        put(inbox / "ada" / f"copy {number}.m4a", tone)
    outcomes = [drop.outcome for drop in seen(20)]
    assert outcomes.count(Outcome.TAKEN) == 1
    assert outcomes.count(Outcome.SAME) == 19
    assert len(recordings()) == 1


def test_another_creator_with_the_same_bytes_is_refused(inbox: Path, tone: bytes) -> None:
    put(inbox / "ada" / "talk.m4a", tone)
    seen(1)
    put(inbox / "bea" / "mine.m4a", tone)
    refused = seen(2)[1]
    assert refused.outcome == Outcome.REJECTED
    assert "another creator" in refused.reason


@pytest.mark.parametrize(
    "name",
    [
        "sp ace.m4a",
        "emoji 🎬.m4a",
        "new\nline.m4a",
        "-i.m4a",
        "concat:a|b.m4a",
        "a..m4a",
        "'\"<b>.m4a",
    ],
)
def test_odd_names_are_only_names(inbox: Path, tone: bytes, name: str) -> None:
    put(inbox / name, tone)
    drop = seen(1)[0]
    assert drop.outcome == Outcome.TAKEN
    assert "\n" not in drop.name
    until((inbox / "done" / name).exists, 5, "it was moved")


def test_a_name_of_any_bytes_is_taken(inbox: Path, tone: bytes) -> None:
    raw = os.fsencode(inbox) + b"/bad\xff\xfe.m4a"
    with open(raw, "wb") as file:  # noqa: PTH123 (a name that is no text)
        file.write(tone)
    assert seen(1)[0].outcome == Outcome.TAKEN


def test_what_is_no_plain_file_is_refused_with_a_reason(inbox: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.mp4", b"\0" * 5000)
    os.mkfifo(inbox / "pipe.mp4")
    (inbox / "link.mp4").symlink_to(secret)
    (inbox / "loop.mp4").symlink_to(inbox / "loop.mp4")
    with (inbox / "sparse.mp4").open("wb") as file:
        file.truncate(50 << 30)
    put(inbox / "empty.mp4", b"")
    reasons = {drop.name: drop.reason for drop in seen(5, within_s=10)}
    assert "pipe" in reasons["pipe.mp4"]
    assert "link" in reasons["link.mp4"]
    assert "link" in reasons["loop.mp4"]
    assert "holes" in reasons["sparse.mp4"]
    assert "empty" in reasons["empty.mp4"]
    told = inbox / "rejected" / "empty.mp4.reason.txt"
    until(told.exists, 5, "the reason lies beside it")
    assert "empty" in told.read_text()
    assert secret.read_bytes() == b"\0" * 5000


def test_the_sidecar_says_what_the_recording_is(inbox: Path, tone: bytes) -> None:
    put(inbox / "talk.yml", b"title: Opening night\nlanguage: en\nrights_holder: Ada L.\n")
    put(inbox / "talk.m4a", tone)
    seen(1)
    row = recordings()[0]
    assert (row.title, row.sidecar["rights_holder"]) == ("Opening night", "Ada L.")
    until((inbox / "done" / "talk.m4a.yml").exists, 5, "the sidecar was moved along")


def test_a_wrong_sidecar_refuses_the_file_and_names_the_field(inbox: Path, tone: bytes) -> None:
    put(inbox / "talk.yml", b"titel: Opening night\n")
    put(inbox / "talk.m4a", tone)
    assert "there is no field `titel`" in seen(1)[0].reason


def test_many_files_at_once_are_each_seen_once(inbox: Path, tone: bytes) -> None:
    for number in range(200):
        put(inbox / f"{number}.m4a", tone + bytes([number % 256, number // 256]))
    seen(200, within_s=60)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Recording)) == 200
        assert session.scalar(select(func.count()).select_from(Drop)) == 200


def test_a_place_survives_being_text() -> None:
    for raw in (b"ada/x.mp4", b"a%2fb/\xff\n.mp4", "ü/🎬.mp4".encode()):
        assert os.fsencode(as_path(as_text(Path(os.fsdecode(raw))))) == raw


def test_the_creator_is_the_first_folder(tmp_path: Path) -> None:
    assert creator_slug(tmp_path, tmp_path / "ada" / "2024" / "x.mp4") == "ada"
    assert creator_slug(tmp_path, tmp_path / "x.mp4") == "house"
