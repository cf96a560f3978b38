"""Taking one file, and moving it aside: repeatable at each point where a stop may come between."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from models.base import reading, unit_of_work
from models.drop import Drop, Outcome
from models.job import Job
from models.recording import Recording, RecordingState
from pipeline.errors import Refused
from tests.drops import put, taken
from workers import intake, sidecar
from workers.inbox import Inbox, as_text, move_aside, show_outcomes
from workers.intake import NotQuiet, take
from workers.lease import Waits


def drops() -> list[Drop]:
    with reading() as session:
        return list(session.scalars(select(Drop)))


def test_a_file_that_went_away_is_no_rejection(inbox: Path) -> None:
    with pytest.raises(NotQuiet):
        taken(inbox, inbox / "ada" / "gone.mp4")
    assert drops() == []


def test_too_many_open_files_are_not_the_files_fault(
    inbox: Path, tone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(inbox / "ada" / "talk.m4a", tone)

    def full(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("workers.intake.os.open", full)
    with pytest.raises(Waits):
        intake._checked(path)


def test_a_file_that_could_not_be_moved_yet_is_not_taken_again(inbox: Path, tone: bytes) -> None:
    path = put(inbox / "ada" / "talk.m4a", tone)
    first, second = taken(inbox, path), taken(inbox, path)
    assert second == first
    assert len(drops()) == 1


def test_a_stop_between_the_move_and_its_row_finds_the_file_where_it_lies(
    inbox: Path, tone: bytes
) -> None:
    put(inbox / "ada" / "talk.m4a", tone)
    drop_id = taken(inbox, inbox / "ada" / "talk.m4a").drop_id
    (inbox / "ada" / "done").mkdir()
    put(inbox / "ada" / "done" / "talk.m4a", b"an older one")
    (inbox / "ada" / "talk.m4a").rename(inbox / "ada" / "done" / "talk (2).m4a")
    show_outcomes(inbox)
    assert [(drop.id, drop.stored_as) for drop in drops()] == [
        (drop_id, as_text(Path("ada/done/talk (2).m4a")))
    ]


def test_a_new_file_at_the_old_place_is_not_mistaken_for_the_taken_one(
    inbox: Path, tone: bytes
) -> None:
    path = put(inbox / "ada" / "talk.m4a", tone)
    taken(inbox, path)
    (inbox / "ada" / "done").mkdir()
    path.rename(inbox / "ada" / "done" / "talk.m4a")
    put(path, tone + b"other")
    show_outcomes(inbox)
    assert path.read_bytes() == tone + b"other"
    assert taken(inbox, path).outcome == Outcome.TAKEN
    with reading() as session:
        assert len(session.scalars(select(Recording)).all()) == 2


def test_a_folder_that_can_not_be_written_to_stops_no_other(inbox: Path, tone: bytes) -> None:
    (inbox / "bea").mkdir()
    (inbox / "ada" / "done").write_text("a file where the shelf should be")
    taken(inbox, put(inbox / "ada" / "a.m4a", tone))
    path = put(inbox / "bea" / "b.m4a", tone + b"b")
    take(path, "bea", "bea/b.m4a")
    assert show_outcomes(inbox) == 1
    assert (inbox / "bea" / "done" / "b.m4a").exists()


def test_a_reason_is_not_written_through_a_link(inbox: Path, tmp_path: Path) -> None:
    other = put(tmp_path / "other", b"mine")
    shelf = inbox / "ada" / "rejected"
    shelf.mkdir()
    (shelf / "x.mp4.reason.txt").symlink_to(other)
    move_aside(inbox, taken(inbox, put(inbox / "ada" / "x.mp4", b"")).drop_id)
    assert other.read_bytes() == b"mine"
    assert "empty" in (shelf / "x.mp4.reason.txt").read_text()


def test_a_reason_that_could_not_be_written_is_told_later(inbox: Path) -> None:
    drop_id = taken(inbox, put(inbox / "ada" / "x.mp4", b"")).drop_id
    blocked = inbox / "ada" / "rejected" / "x.mp4.reason.txt"
    blocked.mkdir(parents=True)
    assert show_outcomes(inbox) == 1
    blocked.rmdir()
    assert show_outcomes(inbox) == 0
    assert blocked.is_file()
    with reading() as session:
        assert session.get_one(Drop, drop_id).told


def test_the_longest_names_get_numbers_too(inbox: Path, tone: bytes) -> None:
    name = "🎬" * 62 + ".m4a"
    for extra in (b"", b"1"):
        move_aside(inbox, taken(inbox, put(inbox / "ada" / name, tone + extra)).drop_id)
    assert len(list((inbox / "ada" / "done").iterdir())) == 2


def test_a_rejected_recording_that_is_dropped_again_is_tried_again(
    inbox: Path, tone: bytes
) -> None:
    first = taken(inbox, put(inbox / "ada" / "a.m4a", tone))
    with unit_of_work() as session:
        recording = session.get_one(Recording, first.recording_id)
        recording.state, recording.reason = RecordingState.REJECTED, "no"
    move_aside(inbox, first.drop_id)
    assert (inbox / "ada" / "rejected" / "a.m4a").exists()
    again = taken(inbox, put(inbox / "ada" / "a.m4a", tone))
    assert (again.outcome, again.recording_id) == (Outcome.TAKEN, first.recording_id)
    with reading() as session:
        assert session.get_one(Recording, first.recording_id).state == RecordingState.WORKING
        assert session.scalars(select(Job.state)).all() == ["ready"]


def test_a_watcher_without_events_still_scans(
    inbox: Path, tone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("watchdog.observers.api.BaseObserver.start", none_left)
    put(inbox / "ada" / "talk.m4a", tone)
    stop = threading.Event()
    watcher = threading.Thread(target=Inbox(inbox).watch, args=(stop,))
    watcher.start()
    for _ in range(100):
        if (inbox / "ada" / "done" / "talk.m4a").exists() or not watcher.is_alive():
            break
        stop.wait(0.1)
    stop.set()
    watcher.join(10)
    assert (inbox / "ada" / "done" / "talk.m4a").exists()


@pytest.mark.parametrize(
    "text",
    [
        "embargo: 2024-13-45",
        "embargo: 0001-01-01",
        "price_hint_cents: " + "9" * 5000,
        "title: " + "[" * 20_000,
        "title: ["
        + ", ".join(
            ["&a0 [x]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))]
        )
        + "]",
    ],
    ids=["month", "year", "number", "deep", "aliases"],
)
def test_a_sidecar_that_makes_no_sense_is_refused_in_few_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "talk.yml"
    path.write_text(text)
    with pytest.raises(Refused) as refused:
        sidecar.read(path)
    assert len(str(refused.value)) < 300
