"""The desk's forms: they answer a person and a page, say what happened, and refuse strangers."""

import re

import pytest
from fastapi.testclient import TestClient

from models.base import unit_of_work
from models.clip import Clip
from models.listing import Listing, ListingState
from models.recording import Recording
from models.settings import settings
from tests import factories, people

HX = {"HX-Request": "true"}


pytestmark = pytest.mark.usefixtures("owner")


@pytest.fixture
def recording(owner: str) -> Recording:
    with unit_of_work() as session:
        made = factories.recording(session, duration_ms=120_000)
        factories.analysis(session, made, [{"score": 0.2, "cheer": 0.3}] * 120, profile="sport")
        chosen = factories.candidate(session, made)
        factories.listing(session, factories.clip(session, made, candidate_id=chosen.id))
        span = {"start_ms": 10_000, "end_ms": 30_000, "peak_ms": 20_000}
        factories.candidate(
            session, made, rank=1, chosen=False, score=0.2, reasons={"laughter": 0.2}, **span
        )
        return made


def forms(text: str) -> dict[str, str]:
    """Address by the words on its button."""
    found = re.findall(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', text, re.DOTALL)
    buttons = {}
    for action, inside in found:
        for label in re.findall(r"<button[^>]*>(.*?)</button>", inside, re.DOTALL):
            words = " ".join(re.sub(r"<[^>]+>", " ", label).split())
            buttons.setdefault(words, action)
    return buttons


def clip_of(recording: Recording) -> str:
    with unit_of_work() as session:
        return session.query(Clip).filter_by(recording_id=recording.id).one().id


def state(clip_id: str) -> str:
    with unit_of_work() as session:
        return session.query(Listing).filter_by(clip_id=clip_id).one().state


def test_every_moment_has_its_buttons(client: TestClient, recording: Recording) -> None:
    buttons = forms(client.get(f"/recordings/{recording.id}").text)
    clip_id = clip_of(recording)
    assert buttons["Make a clip of 0:10 to 0:30"].endswith("/promote")
    assert buttons["Keep 1:00 to 1:27"] == f"/clips/{clip_id}/keep"
    assert buttons["Discard 1:00 to 1:27"] == f"/clips/{clip_id}/discard"
    assert buttons["Trim to these edges"] == f"/clips/{clip_id}/trim"


def test_without_scripts_a_form_leads_back_and_says_what_was_done(
    client: TestClient, recording: Recording
) -> None:
    clip_id = clip_of(recording)
    answer = people.post(client, f"/clips/{clip_id}/discard")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/recordings/{recording.id}?done=")
    assert state(clip_id) == ListingState.WITHDRAWN
    page = client.get(answer.headers["location"]).text
    assert "Discarded: 1:00 to 1:30." in page
    undo = forms(page)["Undo"]
    page = client.get(people.post(client, undo).headers["location"]).text
    assert "is on sale again" in page
    assert "Undo" not in forms(page)
    assert state(clip_id) == ListingState.PUBLIC


def test_with_scripts_only_what_changed_is_sent(client: TestClient, recording: Recording) -> None:
    page = client.get(f"/recordings/{recording.id}").text
    promote = forms(page)["Make a clip of 0:10 to 0:30"]
    answer = people.post(client, promote, headers=HX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert answer.text.lstrip().startswith("<p>"), "the status line comes first"
    for part in ("progress", "state", "desk", "history", "timeline"):
        assert re.search(rf'id="{part}"[^>]* hx-swap-oob=', answer.text), part
    assert "every 2s" in answer.text, "the page follows the work"
    assert "laughter" not in forms(answer.text)


def test_a_refusal_is_a_sentence_in_place_or_a_page(
    client: TestClient, recording: Recording
) -> None:
    trim = f"/clips/{clip_of(recording)}/trim"
    for fields, says in (
        ({"start": "1:20", "end": "1:10"}, "The start lies at or after the end."),
        ({"start": "soon", "end": "1:10"}, "“soon” is no time."),
        ({"start": "1:00", "end": "9:00"}, "This recording goes from 0:00 to 2:00"),
    ):
        line = people.post(client, trim, **fields, headers=HX)
        assert line.status_code in (400, 409)
        assert says in line.text
        assert "<html" not in line.text
        page = people.post(client, trim, **fields)
        assert page.status_code == line.status_code
        assert says in page.text
        assert "</html>" in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    ],
)
def test_a_form_from_another_site_changes_nothing(
    client: TestClient, recording: Recording, headers: dict[str, str]
) -> None:
    clip_id = clip_of(recording)
    page = forms(client.get(f"/recordings/{recording.id}").text)
    ours = {path for path in page.values() if path.startswith(("/clips/", "/moments/"))}
    assert len(ours) == 4
    fields = {"start": "0:01", "end": "0:09"}
    for path in (*ours, f"/recordings/{recording.id}/clips", f"/recordings/{recording.id}/forget"):
        assert people.post(client, path, **fields, headers=headers).status_code == 400, path
    assert state(clip_id) == ListingState.PUBLIC
    assert client.get(f"/api/v1/recordings/{recording.id}").json()["taught"]["choices"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://clips.example.org"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://clips.example.org"},
        {"Origin": "http://127.0.0.1"},
        {},
    ],
)
def test_behind_a_proxy_that_rewrites_the_host_our_own_forms_work(
    client: TestClient,
    recording: Recording,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REELYARD_PUBLIC_URL", "https://clips.example.org/")
    settings.cache_clear()
    keep = f"/clips/{clip_of(recording)}/keep"
    assert people.post(client, keep, headers=headers).status_code == 303
    fields = {"to": "dark", "back": "/"}
    assert people.post(client, "/theme", **fields, headers=headers).status_code == 303
    stranger = {"Origin": "https://clips.example.org.evil.example"}
    assert people.post(client, "/theme", **fields, headers=stranger).status_code == 400


def test_a_recording_shorter_than_a_second_can_be_asked_as_well(
    client: TestClient, recording: Recording
) -> None:
    with unit_of_work() as session:
        short = factories.recording(session, duration_ms=900)
        factories.analysis(session, short, [{"score": 0.1}])
    for address in (f"/recordings/{short.id}/why?at=0", f"/recordings/{short.id}?at=0"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "No moment of this recording became a clip." in answer.text


def test_what_is_wanted_back_is_said_to_be_on_sale(
    client: TestClient, recording: Recording
) -> None:
    promote = forms(client.get(f"/recordings/{recording.id}").text)["Make a clip of 0:10 to 0:30"]
    said = client.get(people.post(client, promote).headers["location"]).text
    assert "A clip of 0:10 to 0:30 is being made." in said
    candidate_id = promote.split("/")[2]
    with unit_of_work() as session:
        clip = factories.clip(session, recording, candidate_id=candidate_id)
        factories.listing(session, clip)
    said = client.get(people.post(client, promote).headers["location"]).text
    assert "The clip of 0:10 to 0:30 is on sale." in said
    people.post(client, f"/clips/{clip.id}/discard")
    said = client.get(people.post(client, promote).headers["location"]).text
    assert "The clip of 0:10 to 0:30 is on sale again." in said
    assert state(clip.id) == ListingState.PUBLIC


def test_what_the_scout_said_of_an_uneventful_recording_gives_way_to_a_clip(
    client: TestClient,
) -> None:
    with unit_of_work() as session:
        quiet = factories.recording(session, reason="No moment stood out.")
    page = client.get(f"/recordings/{quiet.id}").text
    assert "No moment stood out." in page
    answer = people.post(client, f"/recordings/{quiet.id}/clips", start="0:01", end="0:09")
    page = client.get(answer.headers["location"]).text
    assert "No moment stood out." not in page
    people.post(client, forms(page)["Undo"])
    assert "No moment stood out." in client.get(f"/recordings/{quiet.id}").text


def test_why_without_scripts(client: TestClient, recording: Recording) -> None:
    page = client.get(f"/recordings/{recording.id}?at=0:20").text
    assert "which was not chosen: Others were better." in page
    page = client.get(f"/recordings/{recording.id}?at=100").text
    offer = next(words for words in forms(page) if words.startswith("Make a clip of 1:"))
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    answer = people.post(client, forms(page)[offer], **fields)
    assert answer.status_code == 303
    assert client.get(f"/recordings/{recording.id}?at=soon").status_code == 400


def test_an_answer_alone_is_no_page(client: TestClient, recording: Recording) -> None:
    answer = client.get(f"/recordings/{recording.id}/why?at=20").text
    assert "<html" not in answer
    assert 'data-at="20000"' in answer


def test_what_was_taught_is_shown_and_can_be_forgotten(
    client: TestClient, recording: Recording
) -> None:
    page = client.get(f"/recordings/{recording.id}").text
    assert "Nothing yet. What you keep" in page
    people.post(client, forms(page)["Make a clip of 0:10 to 0:30"])
    page = client.get(f"/recordings/{recording.id}").text
    assert "Laughter counts" in page
    assert "1.08" in page
    assert "after 1 choice" in page
    assert "of this kind (sport)" in page
    answer = people.post(client, forms(page)["Forget this"])
    page = client.get(answer.headers["location"]).text
    assert "Forgotten." in page
    assert "Laughter counts" not in page
    moment = re.search(r'name="recall_ms" value="(\d+)"', page)
    assert moment
    people.post(client, f"/recordings/{recording.id}/forget", recall_ms=moment[1])
    assert "Laughter counts" in client.get(f"/recordings/{recording.id}").text


def test_the_json_twin_tells_where_each_moment_stands(
    client: TestClient, recording: Recording
) -> None:
    people.post(client, forms(client.get(f"/recordings/{recording.id}").text)["Keep 1:00 to 1:27"])
    answer = client.get(f"/api/v1/recordings/{recording.id}").json()
    standing = [(one["standing"], one["clip_id"]) for one in answer["candidates"]]
    assert standing == [("on sale", clip_of(recording)), ("not chosen", None)]
    assert answer["taught"]["profile"] == "sport"
    assert {one["part"] for one in answer["taught"]["lessons"]} == {"cheer", "applause"}


def test_a_status_with_news_replaces_only_what_is_new(
    client: TestClient, recording: Recording
) -> None:
    page = client.get(f"/recordings/{recording.id}").text
    people.post(client, forms(page)["Make a clip of 0:10 to 0:30"])
    page = client.get(f"/recordings/{recording.id}").text
    again = page.split('hx-get="')[1].split('"')[0]
    assert "hx-swap-oob" not in client.get(again).text
    with unit_of_work() as session:
        factories.pictures(session, recording, 0, cuts=[1_000])
    news = client.get(again).text
    assert 'id="timeline"' in news
    assert 'id="desk"' not in news, "somebody may be writing there"
    for damaged in ("", "x", "a-b-c-d"):
        assert client.get(f"/recordings/{recording.id}/status?seen={damaged}").status_code == 200


def test_a_clip_page_says_that_a_person_asked_for_it(
    client: TestClient, recording: Recording
) -> None:
    with unit_of_work() as session:
        values = {"chosen": False, "asked_ms": 1, "exact": True, "score": 0.0, "reasons": {}}
        own = factories.candidate(session, recording, rank=2, **values)
        clip = factories.clip(session, recording, candidate_id=own.id, score=0.0, reasons={})
        factories.listing(session, clip)
    page = client.get(f"/clips/{clip.id}").text
    assert "A person asked for it." in page
    assert "of 1.00" not in page, "nobody measured it"
    assert "picked by hand" in client.get("/").text


def test_of_hundreds_of_moments_the_best_are_listed_first(
    client: TestClient, recording: Recording
) -> None:
    with unit_of_work() as session:
        for rank in range(2, 120):
            factories.candidate(session, recording, rank=rank, chosen=False, score=0.1)
    page = client.get(f"/recordings/{recording.id}").text
    assert page.count('<tr id="moment-') == 60
    everything = re.search(r'href="([^"]+)">Show all 120<', page)
    assert everything
    page = client.get(everything[1]).text
    assert page.count('<tr id="moment-') == 120
    part = {**HX, "HX-Current-URL": f"http://127.0.0.1{everything[1]}"}
    answer = people.post(client, forms(page)["Keep 1:00 to 1:27"], headers=part)
    assert answer.text.count('<tr id="moment-') == 120, "what one has unfolded stays so"
