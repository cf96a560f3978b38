"""The desk: how far the work is in plain words, what was found, and what is kept back."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect

from catalog import jobs, recordings
from catalog.auth import Visitor
from catalog.errors import BadRequest
from catalog.web import timeline, words
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import AssetKind
from models.job import Job, JobState
from models.recording import RecordingState
from tests import factories

NOW = 1_000_000
STAFF = Visitor(roles=frozenset([Role.STAFF]))


def row(step: str, state: JobState, **values: object) -> Job:
    given = {"progress": 0.0, "attempt": 0, "waiting": "", "error": "", "started_ms": None}
    return Job(step=step, state=state, **{**given, **values})


def test_jobs_of_one_step_are_one_line() -> None:
    seen = jobs.progress(
        [
            row("chunk", JobState.READY),
            row("scout", JobState.DONE),
            row("chunk", JobState.DONE),
            row("chunk", JobState.RUNNING, progress=0.5),
            row("ingest", JobState.DONE),
            row("clip", JobState.DROPPED),
        ],
        NOW,
    )
    assert [(line.step, line.state, line.done, line.total) for line in seen.lines] == [
        ("ingest", "done", 1, 1),
        ("scout", "done", 1, 1),
        ("chunk", "running", 1, 3),
    ]
    assert seen.working
    assert seen.current is seen.lines[2]
    assert seen.current.label == "Encoding the picture for streaming"
    assert seen.share == pytest.approx((1 + 1 + 0.5) / 3)


@pytest.mark.usefixtures("database")
def test_the_desk_reads_no_chat_and_no_curve() -> None:
    """Of 12 hours they are megabytes, and a list has fifty recordings."""
    with unit_of_work() as session:
        made = factories.recording(session, chat=[0.5] * 1_000)
        factories.analysis(session, made, [{"score": 0.1}], words=[[0, 900, "word", 0.9]])
    with reading() as session:
        (listed,) = recordings.desk(session, STAFF).rows
        assert "chat" in inspect(listed.recording).unloaded
    with reading() as session:
        detail = recordings.get(session, made.id).recording
        assert {"chat", "pictures"} <= inspect(detail).unloaded
        assert inspect(detail.analysis).unloaded >= {"curve", "words"}
        assert detail.chat == [0.5] * 1_000, "for whoever asks"


def test_the_time_left_follows_from_the_time_spent() -> None:
    def left(spent_ms: int, progress: float) -> int | None:
        job = row("scout", JobState.RUNNING, progress=progress, started_ms=NOW - spent_ms)
        return jobs.progress([job], NOW).lines[0].left_ms

    assert left(10_000, 0.25) == 30_000
    assert left(60_000, 1.0) == 0
    assert left(1_000, 0.25) is None, "too early to say"
    assert left(60_000, 0.0) is None, "nothing done yet"


def test_what_was_done_yesterday_is_no_measure_for_a_clip_asked_for_now() -> None:
    ended = {"created_ms": 100, "started_ms": 1_000, "finished_ms": 2_000}
    now = {"created_ms": NOW - 12_000, "started_ms": NOW - 10_000, "progress": 0.5}
    line = jobs.progress(
        [row("clip", JobState.DONE, **ended), row("clip", JobState.RUNNING, **now)], NOW
    ).lines[0]
    assert (line.done, line.total, line.left_ms) == (1, 2, 10_000)


def test_waiting_and_giving_up_say_why() -> None:
    lines = jobs.progress(
        [
            row("clip", JobState.READY, waiting="waits for disk space"),
            row("sound", JobState.QUARANTINED, error="the encoder stopped"),
            row("scout", JobState.DONE, error="an old trouble"),
        ],
        NOW,
    ).lines
    assert [(line.step, line.state, line.notes) for line in lines] == [
        ("scout", "done", []),
        ("clip", "waiting", ["waits for disk space"]),
        ("sound", "stopped", ["the encoder stopped"]),
    ]


@pytest.mark.usefixtures("database")
def test_the_desk_pages_from_the_newest() -> None:
    with unit_of_work() as session:
        for i in range(5):
            factories.recording(session, title=f"No {i}", created_ms=1_000 + i // 2)
    with reading() as session:
        first = recordings.desk(session, STAFF, limit=2)
        rest = recordings.desk(session, STAFF, cursor=first.next_cursor, limit=9)
        assert first.total == 5
        shown = [row.recording.created_ms for row in (*first.rows, *rest.rows)]
        assert shown == [1_002, 1_001, 1_001, 1_000, 1_000]
        assert rest.next_cursor is None
        with pytest.raises(BadRequest):
            recordings.desk(session, STAFF, cursor="1~2")


@pytest.mark.usefixtures("owner")
def test_a_clip_that_is_not_public_is_only_counted(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        factories.listing(session, factories.clip(session, recording, title="On sale now"))
        secret = factories.clip(session, recording, title="Unheard of")
        factories.asset(session, secret, AssetKind.POSTER, b"poster", suffix=".jpg")
        later = int(time.time() * 1000) + factories.DAY_MS
        factories.listing(session, secret, visible_from_ms=later)
    for path in (f"/recordings/{recording.id}", "/recordings", "/", "/api/v1/recordings"):
        assert "Unheard of" not in client.get(path).text
        assert secret.id not in client.get(path).text
    page = client.get(f"/recordings/{recording.id}").text
    assert "On sale now" in page
    assert "1 clip of this recording is not public" in page
    answer = client.get(f"/api/v1/recordings/{recording.id}").json()
    assert (answer["clips_on_sale"], answer["clips_not_public"]) == (1, 1)


@pytest.mark.usefixtures("owner")
def test_the_page_shows_chosen_and_rejected_moments(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, duration_ms=120_000)
        factories.analysis(session, recording, [{"score": 0.1, "cheer": 0.2}] * 120)
        chosen = factories.candidate(session, recording)
        factories.candidate(
            session,
            recording,
            rank=1,
            start_ms=10_000,
            end_ms=16_000,
            chosen=False,
            why_not="Loud, but it is a machine.",
        )
        clip = factories.clip(session, recording, candidate_id=chosen.id)
        factories.listing(session, clip)
        factories.chunk(session, recording, "720p", 0)
        factories.pictures(session, recording, 0, cuts=[4_000, 90_000])
    page = client.get(f"/recordings/{recording.id}").text
    assert "Loud, but it is a machine." in page
    assert f'href="/clips/{clip.id}"' in page
    assert 'x="50.000%" width="22.500%"' in page, "the clip, drawn to scale"
    assert 'x="8.333%" width="5.000%"' in page
    answer = client.get(f"/api/v1/recordings/{recording.id}/timeline").json()
    assert answer["parts"]["score"] == [0.1] * 120
    assert answer["parts"]["cheer"] == [0.2] * 120
    assert answer["cuts_ms"] == [4_000, 90_000]
    assert (answer["start_ms"], answer["step_ms"]) == (0, 1000)
    assert 'd="M33 0v10 M750 0v10"' in page, "a mark at each cut"
    assert "3 shots" in page


@pytest.mark.usefixtures("owner")
def test_the_page_asks_again_while_there_is_work_and_then_stops(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, state=RecordingState.WORKING)
        factories.job(session, recording, "scout", JobState.RUNNING, progress=0.5)
    page = client.get(f"/recordings/{recording.id}").text
    again = page.split('hx-get="')[1].split('"')[0]
    quiet = client.get(again).text
    assert "Finding the moments" in quiet
    assert "hx-swap-oob" not in quiet, "nothing new, so only the progress line changes"
    with unit_of_work() as session:
        factories.candidate(session, recording)
        session.merge(recording).state = RecordingState.DONE
    told = client.get(again).text
    assert 'id="desk" hx-swap-oob="outerMorph"' in told
    assert "every 2s" not in told


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("state", "says"),
    [
        (RecordingState.REJECTED, "This file can&#39;t be used."),
        (RecordingState.QUARANTINED, "reelyard retry"),
        (RecordingState.DONE, "It is a PNG"),
    ],
)
def test_an_end_state_says_what_happened(
    client: TestClient, state: RecordingState, says: str
) -> None:
    with unit_of_work() as session:
        recording = factories.recording(
            session, state=state, reason="It is a PNG", duration_ms=None, probe=None
        )
    page = client.get(f"/recordings/{recording.id}").text
    assert says in page.replace("can't", "can&#39;t")
    assert "It is a PNG" in page
    assert "It is a PNG" in client.get("/recordings").text


@pytest.mark.usefixtures("database")
def test_peaks_survive_the_thinning_of_a_long_curve(database: Path) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, duration_ms=10_800_000)
        curve = [{"score": 0.0}] * 10_800
        curve[7_777] = {"score": 1.0}
        factories.analysis(session, recording, curve)
    with reading() as session:
        drawn = timeline.drawn(recordings.get(session, recording.id))
    assert drawn is not None
    points = drawn.points.split()
    assert len(points) <= timeline.MOST_POINTS + 4
    assert [point.split(",")[0] for point in points if point.endswith(",0.0")] == ["720.5"]
    assert len(drawn.ticks) <= timeline.MOST_TICKS


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-0.2, 0.6), min_size=1).filter(
        lambda reasons: 0 <= sum(reasons.values()) <= 1
    )
)
def test_the_shown_parts_sum_to_the_shown_score(reasons: dict[str, float]) -> None:
    score = sum(reasons.values())
    shown = words.parts(reasons, score)
    assert round(sum(part.value for part in shown), 2) == pytest.approx(float(words.score(score)))
    for part in shown:
        assert 0 <= part.bar <= 100


def test_times_as_people_read_them() -> None:
    assert [words.clock(ms) for ms in (0, 59_999, 723_000, 3_723_000)] == [
        "0:00",
        "0:59",
        "12:03",
        "1:02:03",
    ]
    assert words.clock_ms(63_040) == "1:03.040"
    assert [words.lasting(ms) for ms in (1_000, 42_400, 90_000, 3_900_000, 7_200_000)] == [
        "1 second",
        "42 seconds",
        "2 minutes",
        "1 hour 5 minutes",
        "2 hours",
    ]
    assert words.moment(1_795_355_760_000) == "22 Nov 2026, 13:56 UTC"
    assert [words.size(n) for n in (999, 1_500, 812_000_000)] == ["999 bytes", "1.5 kB", "812 MB"]
