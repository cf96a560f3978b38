"""The step `scout`, on a recording made here: what it remembers of it, and what teaches it."""

import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from models.analysis import Analysis, Candidate
from models.base import reading, unit_of_work
from models.clip import AssetKind
from models.job import Job, JobState
from models.recording import Recording, RecordingState
from models.review import Review, Verdict
from models.settings import settings
from models.steps import STEPS
from pipeline.audio import RATE, decode_pcm
from pipeline.highlights import CHOSEN
from pipeline.kinds import PARTS, PROFILES
from tests import factories
from tests.media import wav
from workers import flow, scout, speech
from workers.demo import crowd_sound

SPEECH = Path(__file__).parent.parent / "assets" / "speech.ogg"
LENGTH_S = 45
CHEER_S = (24, 30)


def story(*, cheer: bool) -> np.ndarray:
    """A quiet room in which somebody talks twice; the second time, a crowd cheers."""
    line = np.random.default_rng(5).standard_normal(LENGTH_S * RATE) * 10 ** (-58 / 20)
    said = decode_pcm(SPEECH)
    said = said / np.sqrt(np.mean(said**2)) * 10 ** (-26 / 20)
    line[RATE : RATE + len(said)] += said
    line[20 * RATE : 25 * RATE] += 2 * said[: 5 * RATE]
    if cheer:
        crowd = crowd_sound.cheer(3, CHEER_S[1] - CHEER_S[0]).mean(axis=1)[::3]
        crowd = crowd_sound.level(crowd, -18)
        line[CHEER_S[0] * RATE : CHEER_S[0] * RATE + len(crowd)] += crowd
    return line


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """`short` is the cheer with its line alone: for the slow speech engine."""
    folder = tmp_path_factory.mktemp("scouted")
    cheered, plain = story(cheer=True), story(cheer=False)
    cut = {"cheered": cheered, "plain": plain, "short": cheered[18 * RATE : 33 * RATE]}
    return {name: wav(folder / name, sound).read_bytes() for name, sound in cut.items()}


@pytest.fixture(autouse=True)
def quick(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without renditions, and without words where a test does not ask for them."""
    monkeypatch.setenv("REELYARD_RENDITIONS", "false")
    listens(monkeypatch, "none")


def listens(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setenv("REELYARD_SPEECH", engine)
    settings.cache_clear()
    monkeypatch.setattr(speech, "_known", None)  # it holds for minutes


def recorded(sound: bytes, chat: Sequence[float] = (), **sidecar: object) -> str:
    with unit_of_work() as session:
        values = {"state": RecordingState.WORKING, "sidecar": sidecar, "chat": list(chat)}
        recording = factories.recording(session, **values)
        factories.asset(session, recording, AssetKind.ORIGINAL, sound, suffix=".wav")
        return recording.id


def scouted(recording_id: str) -> tuple[Analysis, list[Candidate]]:
    with unit_of_work() as session:
        recording = session.get_one(Recording, recording_id)
        factories.job(session, recording, "scout", JobState.READY, priority=STEPS["scout"].priority)
    assert flow.run_one("media")
    with reading() as session:
        (job,) = session.scalars(
            select(Job).where(Job.step == "scout", Job.subject == recording_id)
        )
        assert (job.state, job.error) == (JobState.DONE, "")
        analysis = session.get_one(Analysis, recording_id)
        wanted = select(Candidate).where(Candidate.recording_id == recording_id)
        return analysis, list(session.scalars(wanted.order_by(Candidate.rank)))


def facts(analysis: Analysis) -> tuple[object, ...]:
    return analysis.profile, analysis.weights, analysis.words, analysis.curve, analysis.version


def moment(row: Candidate) -> tuple[object, ...]:
    return row.start_ms, row.end_ms, row.peak_ms, row.reasons, row.chosen, row.why_not


def test_what_was_found_is_remembered(sounds: dict[str, bytes]) -> None:
    recording_id = recorded(sounds["cheered"])
    analysis, candidates = scouted(recording_id)
    assert analysis.profile == "stage"
    assert analysis.weights == PROFILES["stage"].weights
    assert analysis.least == CHOSEN
    assert (analysis.words, analysis.ratings) == ([], [])
    assert len(analysis.curve) == LENGTH_S
    assert set(analysis.curve[0]) >= {"score", "speech", *PARTS} - {"rating"}
    best = candidates[0]
    assert best.chosen
    assert CHEER_S[0] * 1000 - 500 <= best.peak_ms <= CHEER_S[1] * 1000 + 500
    assert best.score == pytest.approx(sum(best.reasons.values()))
    assert [one.rank for one in candidates] == list(range(len(candidates)))
    assert all(one.chosen != bool(one.why_not) for one in candidates)
    with reading() as session:
        asked = session.scalars(select(Job.subject).where(Job.step == "clip")).all()
    assert asked == [one.id for one in candidates if one.chosen]


def test_where_nothing_happens_no_clip_is_made_and_that_is_said(sounds: dict[str, bytes]) -> None:
    recording_id = recorded(sounds["plain"], profile="stage")
    _, candidates = scouted(recording_id)
    assert not any(one.chosen for one in candidates)
    with reading() as session:
        recording = session.get_one(Recording, recording_id)
        assert recording.reason == scout.NOTHING
        assert recording.state == RecordingState.DONE


@pytest.mark.parametrize("by", ["sidecar", "settings", "both"])
def test_the_kind_of_recording_is_what_its_creator_or_the_operator_says(
    sounds: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by != "sidecar":
        monkeypatch.setenv("REELYARD_PROFILE", "sport" if by == "both" else "game")
        settings.cache_clear()
    given = {} if by == "settings" else {"profile": "game"}
    analysis, _ = scouted(recorded(sounds["cheered"], **given))
    assert analysis.profile == "game"
    assert analysis.weights == PROFILES["game"].weights


def test_reviews_change_the_weights_of_their_creator_and_their_profile_alone(
    sounds: dict[str, bytes],
) -> None:
    recording_id = recorded(sounds["cheered"], profile="stage")
    first, candidates = scouted(recording_id)
    with unit_of_work() as session:
        recording = session.get_one(Recording, recording_id)
        for _ in range(3):
            session.add(
                Review(
                    creator_id=recording.creator_id,
                    profile="stage",
                    candidate_id=candidates[0].id,
                    verdict=Verdict.DISCARDED,
                    score=candidates[0].score,
                    reasons=candidates[0].reasons,
                )
            )
        other = factories.creator(session, "bea").id
    main = max(candidates[0].reasons, key=lambda name: candidates[0].reasons[name])
    second, again = scouted(recorded(sounds["cheered"] + b"\0\0", profile="stage"))
    assert second.weights[main] < first.weights[main]
    assert again[0].score < candidates[0].score
    assert scouted(recorded(sounds["cheered"], profile="game"))[0].weights == (
        PROFILES["game"].weights
    )
    with unit_of_work() as session:
        theirs = factories.recording(
            session, creator_id=other, state=RecordingState.WORKING, sidecar={"profile": "stage"}
        )
        factories.asset(session, theirs, AssetKind.ORIGINAL, sounds["cheered"], suffix=".wav")
    assert scouted(theirs.id)[0].weights == first.weights


def test_the_same_sound_gives_the_same_moments(sounds: dict[str, bytes]) -> None:
    one, first = scouted(recorded(sounds["cheered"]))
    other, second = scouted(recorded(sounds["cheered"]))
    assert facts(one) == facts(other)
    assert [moment(row) for row in first] == [moment(row) for row in second]


def test_a_chat_beside_it_is_one_more_part(sounds: dict[str, bytes]) -> None:
    lively = [0.0] * 22 + [1.0] * 8
    analysis, candidates = scouted(recorded(sounds["cheered"], chat=lively))
    assert analysis.curve[25]["chat"] == 1
    assert analysis.curve[40]["chat"] == 0
    assert candidates[0].reasons["chat"] > 0


# Words


class Judge(http.server.BaseHTTPRequestHandler):
    """Likes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = json.dumps({"rating": 10, "why": "splendid"})
        body = json.dumps({"model": "judge", "choices": [{"message": {"content": said}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def judge() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join(5)


def test_a_rating_is_recorded_and_counts_as_a_part(
    sounds: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, judge: str
) -> None:
    monkeypatch.setenv("REELYARD_RATING_URL", judge)
    listens(monkeypatch, "pocketsphinx")
    analysis, candidates = scouted(recorded(sounds["short"], profile="talk"))
    assert analysis.ratings
    for one in analysis.ratings:
        assert (one["model"], one["rating"], one["why"]) == ("judge", 10, "splendid")
        assert one["prompt"]
    rated = [one for one in candidates if "rating" in one.reasons]
    assert {one.start_ms for one in rated} >= {analysis.ratings[0]["start_ms"]}


def test_words_are_remembered_and_an_endpoint_that_is_away_changes_nothing(
    sounds: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    listens(monkeypatch, "pocketsphinx")
    plain, before = scouted(recorded(sounds["short"], profile="talk"))
    start_ms, end_ms, text, confidence = plain.words[0]
    assert 0 <= start_ms < end_ms <= 15_000
    assert isinstance(text, str)
    assert 0 <= confidence <= 1
    assert {"blue", "scores"} <= {word[2] for word in plain.words}
    monkeypatch.setenv("REELYARD_RATING_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    with capture_logs() as logs:
        away, after = scouted(recorded(sounds["short"], profile="talk"))
    assert "no rating" in [one["event"] for one in logs]
    assert away.ratings == []
    assert facts(away) == facts(plain)
    assert [moment(row) for row in after] == [moment(row) for row in before]
