"""The rating of what is said, by a real endpoint on this machine that answers as it likes."""

import contextlib
import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.settings import SettingsError, settings
from pipeline.highlights import Rating
from pipeline.timeline import Segment, Span, Word
from tests.servers import free_port
from workers import rating

KEY = "sk-very-secret"
LINE = "and then the whole boat went over and we swam for an hour"
GOOD = {"rating": 8, "why": "It is scary, and it ends well."}


def segment(start_ms: int, text: str = LINE) -> Segment:
    """Three words a second."""
    words = tuple(
        Word(start_ms + 300 * at, start_ms + 300 * at + 250, word, 0.9)
        for at, word in enumerate(text.split())
    )
    return Segment(start_ms, words[-1].end_ms, text, words)


def completion(content: Any, **others: Any) -> bytes:
    said = content if isinstance(content, str) else json.dumps(content)
    body = {"model": "judge-7b-0613", "choices": [{"message": {"content": said}}], **others}
    return json.dumps(body).encode()


class Endpoint:
    """Answers with `status` and `body`, or does what `acts` does; keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, completion(GOOD)
        self.headers: dict[str, str] = {}
        self.acts: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.address = ""


@pytest.fixture
def endpoint(home: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Named in the settings, with a model and a key."""
    told = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((self.path, dict(self.headers), question))
            if told.acts is not None:
                return told.acts(self)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers), {}))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        told.address = f"http://127.0.0.1:{server.server_port}/v1"
        named(monkeypatch, told.address)
        yield told
        server.shutdown()
        thread.join(5)


def named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REELYARD_RATING_URL", url)
    monkeypatch.setenv("REELYARD_RATING_MODEL", "judge")
    monkeypatch.setenv("REELYARD_RATING_KEY", KEY)
    settings.cache_clear()


def rated(count: int = 1) -> list[dict[str, Any]]:
    """Of so many moments, one a minute."""
    spans = [Span(at, at + 20_000) for at in range(0, 60_000 * count, 60_000)]
    return rating.rate(spans, [segment(span.start_ms + 1_000) for span in spans])


def test_an_endpoint_that_drips_is_not_waited_for(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rating, "LONGEST_S", 0.3)

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.1)

    endpoint.acts = drip
    began = time.monotonic()
    assert rated(3) == []
    assert time.monotonic() - began < 5
    assert len(endpoint.asked) == 1


def test_a_stop_ends_the_asking(endpoint: Endpoint) -> None:
    stop = threading.Event()
    stop.set()
    assert rating.rate([Span(0, 20_000)], [segment(1_000)], stop) == []
    assert endpoint.asked == []


def test_without_an_endpoint_nobody_is_asked(home: object) -> None:
    assert settings().rating_url == ""
    assert rated() == []


def test_an_answer_is_recorded_with_its_model_and_the_prompts_version(endpoint: Endpoint) -> None:
    assert rated() == [
        {
            "start_ms": 0,
            "end_ms": 20_000,
            "rating": 8.0,
            "why": "It is scary, and it ends well.",
            "model": "judge-7b-0613",
            "prompt": rating.PROMPT_VERSION,
        }
    ]


def test_the_question_is_the_words_of_the_span_alone(endpoint: Endpoint) -> None:
    before, inside, after = segment(0, "not this " * 5), segment(30_000), segment(60_000)
    rating.rate([Span(29_000, 50_000)], [before, inside, after])
    ((path, headers, question),) = endpoint.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert (question["model"], question["temperature"]) == ("judge", 0)
    system, user = question["messages"]
    assert system == {"role": "system", "content": rating.PROMPT}
    assert user == {"role": "user", "content": LINE}
    assert KEY not in json.dumps(question)


def test_without_a_key_there_is_no_such_header(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELYARD_RATING_KEY", "")
    settings.cache_clear()
    assert len(rated()) == 1
    assert "Authorization" not in endpoint.asked[0][1]


def test_a_model_that_does_not_name_itself_is_the_one_that_was_asked(endpoint: Endpoint) -> None:
    endpoint.body = completion(GOOD, model=None)
    assert rated()[0]["model"] == "judge"


def test_only_the_best_moments_with_enough_words_are_sent(endpoint: Endpoint) -> None:
    assert len(rated(rating.MOST + 3)) == rating.MOST
    assert rating.rate([Span(0, 9_000)], [segment(0, "too few words")]) == []
    assert len(endpoint.asked) == rating.MOST


def test_a_very_long_passage_is_cut(endpoint: Endpoint) -> None:
    rating.rate([Span(0, 3_600_000)], [segment(0, "word " * 5_000)])
    assert len(endpoint.asked[0][2]["messages"][1]["content"]) <= rating.LONGEST


def test_answers_become_ratings_from_0_to_1(endpoint: Endpoint) -> None:
    assert rating.as_ratings(rated()) == [Rating(Span(0, 20_000), 0.8)]


def test_why_is_short_plain_text(endpoint: Endpoint) -> None:
    endpoint.body = completion({"rating": 3, "why": "\ud800\u0000\u202e<b>" + "x" * 5_000})
    (answer,) = rated()
    assert answer["why"].startswith("?<b>xx")
    assert len(answer["why"]) <= 200


# What may go wrong changes nothing else

WRONG = {
    "no JSON": b"<html>busy</html>",
    "empty": b"",
    "a list": b"[]",
    "a word": b'"choices"',
    "no choices": b'{"choices": []}',
    "an error": b'{"error": {"message": "no such model"}}',
    "no text": completion(None).replace(b'"null"', b"null"),
    "prose": completion("I would give it an 8."),
    "a list inside": completion([8]),
    "a word inside": completion('"rating"'),
    "no rating": completion({"why": "good"}),
    "no number": completion({"rating": "high"}),
    "nothing": completion({"rating": None}),
    "too high": completion({"rating": 11}),
    "negative": completion({"rating": -1}),
    "not a number": completion('{"rating": NaN}'),
    "endless": completion('{"rating": Infinity}'),
    "enormous": completion('{"rating": 1' + "0" * 400 + "}"),
    "nested": b"[" * 200_000,
    "no text at all": b"\xff\xfe\x00",
    "too much": completion({"rating": 8, "why": "x" * (2 << 20)}),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_an_answer_that_makes_no_sense_is_logged_and_missing(
    endpoint: Endpoint, body: bytes
) -> None:
    endpoint.body = body
    with capture_logs() as logs:
        assert rated() == []
    assert [(one["event"], one["log_level"]) for one in logs] == [("no rating", "warning")]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_refusal_is_logged_and_the_next_moment_is_asked(endpoint: Endpoint, status: int) -> None:
    endpoint.status, endpoint.body = status, b"{}"
    with capture_logs() as logs:
        assert rated(2) == []
    assert [one["why"] for one in logs] == ["HTTPError", "HTTPError"]
    assert len(endpoint.asked) == 2


def test_one_bad_answer_does_not_spoil_the_others(endpoint: Endpoint) -> None:
    def second_is_broken(request: http.server.BaseHTTPRequestHandler) -> None:
        body = b"{}" if len(endpoint.asked) == 2 else completion(GOOD)
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    endpoint.acts = second_is_broken
    assert [answer["start_ms"] for answer in rated(3)] == [0, 120_000]


def test_the_key_goes_nowhere_else(endpoint: Endpoint) -> None:
    endpoint.status = 302
    endpoint.headers = {"Location": endpoint.address.replace("127.0.0.1", "localhost")}
    assert rated() == []
    assert len(endpoint.asked) == 1


def test_an_endpoint_that_does_not_answer_in_time_is_asked_once(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rating, "TIMEOUT_S", 0.2)
    over = threading.Event()
    endpoint.acts = lambda request: over.wait(10) and None
    with capture_logs() as logs:
        assert rated(3) == []
    over.set()
    assert len(endpoint.asked) == 1
    assert len(logs) == 1


def test_what_is_no_web_server_is_no_answer(endpoint: Endpoint) -> None:
    def babble(request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
        request.close_connection = True

    endpoint.acts = babble
    assert rated() == []


def test_an_answer_that_is_cut_off_is_none(endpoint: Endpoint) -> None:
    def half(request: http.server.BaseHTTPRequestHandler) -> None:
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b'40\r\n{"choices": ')
        request.close_connection = True

    endpoint.acts = half
    assert rated() == []


def test_where_nobody_listens_only_the_first_moment_waits(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, f"http://127.0.0.1:{free_port()}/v1")
    with capture_logs() as logs:
        assert rated(5) == []
    assert len(logs) == 1


@pytest.mark.parametrize("key", [KEY, f"{KEY}\nX-Other: 1", f"{KEY} \u263a"])
def test_the_key_is_never_logged(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REELYARD_RATING_KEY", key)
    settings.cache_clear()
    endpoint.body = b"{}"
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        assert rated() == []
    assert len(logs) == 1
    assert "very-secret" not in json.dumps(logs) + caplog.text


def test_a_wrong_address_is_refused_when_the_settings_are_read(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELYARD_RATING_URL", "file:///etc/passwd")
    settings.cache_clear()
    with pytest.raises(SettingsError, match=r"REELYARD_RATING_URL.*https://"):
        settings()
