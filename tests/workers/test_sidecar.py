"""What may lie beside a recording: the creator's facts, a chat's log; both go where it goes."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from models.base import reading
from models.drop import Drop, Outcome
from models.recording import Recording
from pipeline import chat
from pipeline.errors import Refused
from pipeline.kinds import NAMES
from tests.drops import put, taken
from workers.inbox import Inbox, move_aside, sidecar_is_new
from workers.sidecar import BIGGEST, beside, chat_of, is_beside, read, read_all, sidecar_of

CHAT = "".join(
    json.dumps({"t": at, "author": "Grace Hopper", "text": "unforgettable"}) + "\n"
    for at in [*range(0, 120, 5), *[60 + number / 10 for number in range(30)]]
)


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as refused:
        read_all(path)
    return str(refused.value)


# What is known by its name


@pytest.mark.parametrize(
    "name",
    ["talk.yml", "talk.mp4.yml", "talk.YAML", "talk.chat.jsonl", "a.mp4.chat.json", "A.Chat.JSONL"],
)
def test_what_lies_beside_is_no_recording(inbox: Path, name: str) -> None:
    assert is_beside(Path(name))
    assert not Inbox(inbox).wanted(inbox / "ada" / name)


@pytest.mark.parametrize("name", ["talk.mp4", "chat.mp4", "talk.json", "talk.jsonl", "chat.jsonl"])
def test_other_names_are(inbox: Path, name: str) -> None:
    assert not is_beside(Path(name))
    assert Inbox(inbox).wanted(inbox / "ada" / name)


def test_both_are_found_under_either_name(tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp4"
    assert beside(recording) == []
    facts, log = put(tmp_path / "talk.yml", ""), put(tmp_path / "talk.chat.json", "")
    assert beside(recording) == [facts, log]
    nearer, nearer_log = (
        put(tmp_path / "talk.mp4.yml", ""),
        put(tmp_path / "talk.mp4.chat.json", ""),
    )
    assert beside(recording) == [nearer, nearer_log]


def test_both_spellings_of_yaml_are_read(tmp_path: Path) -> None:
    put(tmp_path / "talk.yaml", "title: Opening night")
    assert read_all(tmp_path / "talk.mp4") == {"title": "Opening night"}


def test_links_and_folders_are_not_looked_into(tmp_path: Path) -> None:
    other = put(tmp_path / "other", CHAT)
    (tmp_path / "talk.chat.jsonl").symlink_to(other)
    (tmp_path / "talk.yml").mkdir()
    assert sidecar_of(tmp_path / "talk.mp4") is None
    assert chat_of(tmp_path / "talk.mp4") is None


# The profile


@pytest.mark.parametrize("name", NAMES)
def test_a_sidecar_names_the_kind_of_recording(tmp_path: Path, name: str) -> None:
    assert read(put(tmp_path / "talk.yml", f"profile: {name}")) == {"profile": name}


@pytest.mark.parametrize("value", ["podcast", "Talk", "''", "[talk]", "7", "talk|game"])
def test_a_kind_that_there_is_none_of_is_refused_by_name(tmp_path: Path, value: str) -> None:
    put(tmp_path / "talk.yml", f"profile: {value}")
    said = refusal(tmp_path / "talk.mp4")
    assert said.startswith("talk.yml: `profile`: ")
    assert len(said) < 300


# The chat


def test_of_a_chat_only_how_lively_it_was_is_kept(tmp_path: Path) -> None:
    put(tmp_path / "talk.chat.jsonl", CHAT)
    facts = read_all(tmp_path / "talk.mp4")
    assert facts == {"chat": list(chat.stir(CHAT))}
    assert max(facts["chat"]) > 0.5
    kept = json.dumps(facts)
    assert "Hopper" not in kept
    assert "unforgettable" not in kept


def test_facts_and_chat_are_read_together(tmp_path: Path) -> None:
    put(tmp_path / "talk.chat.jsonl", "\ufeff" + CHAT)
    put(tmp_path / "talk.yml", "profile: talk\nlanguage: de")
    facts = read_all(tmp_path / "talk.mp4")
    assert set(facts) == {"profile", "language", "chat"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"hello": 1}', "no message with a time"),
        (b"just words", "line 1 is no JSON"),
        (b"\xff\xfe\x00\x01", "not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=["no times", "words", "bytes", "nested"],
)
def test_a_bad_chat_log_refuses_the_recording_with_a_sentence(
    inbox: Path, tone: bytes, data: bytes, why: str
) -> None:
    put(inbox / "ada" / "talk.chat.jsonl", data)
    refused = taken(inbox, put(inbox / "ada" / "talk.m4a", tone))
    assert refused.outcome == Outcome.REJECTED
    assert refused.reason.startswith("talk.chat.jsonl: this is no chat log: ")
    assert why in refused.reason
    assert "Twitch and YouTube" in refused.reason
    with reading() as session:
        assert session.scalars(select(Recording)).all() == []


@pytest.mark.parametrize("data", [b"", b"\n", b'{"comments": []}', b"[]"])
def test_a_chat_in_which_nobody_wrote_is_as_good_as_none(tmp_path: Path, data: bytes) -> None:
    put(tmp_path / "talk.chat.json", data)
    assert read_all(tmp_path / "talk.mp4") == {"chat": []}


def test_what_is_far_too_large_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "talk.chat.jsonl").open("wb") as file:
        file.truncate(300 << 20)
    assert "larger than 64 MB" in refusal(tmp_path / "talk.mp4")
    (tmp_path / "talk.chat.jsonl").unlink()
    put(tmp_path / "talk.yml", "#" * (BIGGEST + 1))
    assert "larger than 64 kB" in refusal(tmp_path / "talk.mp4")


# In the inbox


def test_both_are_kept_with_the_recording_and_move_along_with_it(inbox: Path, tone: bytes) -> None:
    put(inbox / "ada" / "talk.yml", "profile: talk")
    put(inbox / "ada" / "talk.chat.jsonl", CHAT)
    drop = taken(inbox, put(inbox / "ada" / "talk.m4a", tone))
    move_aside(inbox, drop.drop_id)
    lie = {path.relative_to(inbox / "ada").as_posix() for path in inbox.rglob("ada/**/*.*")}
    assert lie == {"done/talk.m4a", "done/talk.m4a.yml", "done/talk.m4a.chat.jsonl"}
    with reading() as session:
        recording = session.get_one(Recording, drop.recording_id)
        assert recording.sidecar == {"profile": "talk"}
        assert recording.chat == list(chat.stir(CHAT))


def test_what_was_moved_is_found_again_when_it_is_dropped_again(inbox: Path, tone: bytes) -> None:
    """A creator moves the files from done/ back as they are, under their new names."""
    put(inbox / "ada" / "talk.chat.json", CHAT)
    move_aside(inbox, taken(inbox, put(inbox / "ada" / "talk.m4a", tone)).drop_id)
    again = inbox / "ada" / "done" / "talk.m4a"
    assert chat_of(again) == inbox / "ada" / "done" / "talk.m4a.chat.json"


def test_a_rejected_recording_takes_its_bad_chat_along(inbox: Path, tone: bytes) -> None:
    put(inbox / "ada" / "talk.chat.jsonl", "no chat")
    move_aside(inbox, taken(inbox, put(inbox / "ada" / "talk.m4a", tone)).drop_id)
    shelf = inbox / "ada" / "rejected"
    assert {path.name for path in shelf.iterdir()} == {
        "talk.m4a",
        "talk.m4a.chat.jsonl",
        "talk.m4a.reason.txt",
    }
    with reading() as session:
        (drop,) = session.scalars(select(Drop))
    assert (shelf / "talk.m4a.reason.txt").read_text().strip() == drop.reason


def test_a_recording_waits_for_a_chat_that_is_still_being_written(inbox: Path, tone: bytes) -> None:
    recording = put(inbox / "ada" / "talk.m4a", tone)
    log = put(inbox / "ada" / "talk.chat.jsonl", CHAT)
    assert not sidecar_is_new(recording)
    log.touch()
    assert sidecar_is_new(recording)
