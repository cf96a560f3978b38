"""A chat's log becomes one value a second: where it stirred. Nobody's name and no word is kept."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.chat import LATE_S, LONGEST_S, stir
from pipeline.errors import Refused

BURST_S = 300
LENGTH_S = 600


def ticks() -> list[float]:
    """A message every three seconds for ten minutes, and 40 more within 5 s at BURST_S."""
    return sorted([*np.arange(0, LENGTH_S, 3.0), *(BURST_S + np.arange(40) / 8)])


def plain(times: list[float]) -> str:
    return "\n".join(
        json.dumps({"time_ms": round(at * 1000), "author": "Ada", "text": "hi"}) for at in times
    )


def seconds(times: list[float]) -> str:
    return "\r\n".join(json.dumps({"t": at, "text": "no way"}) for at in times) + "\r\n\r\n"


def twitch(times: list[float]) -> str:
    comments = [
        {"content_offset_seconds": at, "commenter": {"name": "Ada"}, "message": {"body": "hi"}}
        for at in times
    ]
    return json.dumps({"streamer": {"name": "bea"}, "comments": comments}, indent=1)


def youtube(times: list[float]) -> str:
    return "\n".join(
        json.dumps(
            {
                "replayChatItemAction": {
                    "actions": [{"addChatItemAction": {"item": {"authorName": "Ada"}}}],
                    "videoOffsetTimeMsec": str(round(at * 1000)),
                }
            }
        )
        for at in times
    )


def listed(times: list[float]) -> str:
    return json.dumps([{"time_in_seconds": at, "message": "hi"} for at in times])


FORMS = (plain, seconds, twitch, youtube, listed)


@pytest.mark.parametrize("form", FORMS)
def test_a_burst_stands_out_of_a_steady_chat_in_every_form(
    form: Callable[[list[float]], str],
) -> None:
    felt = stir(form(ticks()))
    assert felt == stir(plain(ticks()))
    peak = int(np.argmax(felt))
    assert felt[peak] > 0.8
    assert BURST_S - LATE_S - 3 <= peak <= BURST_S
    assert max(felt[: BURST_S - LATE_S - 6]) == 0
    assert max(felt[BURST_S + 6 :]) == 0


def test_a_chat_speaks_of_what_happened_before_it() -> None:
    felt = stir(plain(ticks()))
    stirred = [at for at, value in enumerate(felt) if value > 0]
    assert BURST_S - LATE_S in stirred
    assert max(stirred) <= BURST_S


@pytest.mark.parametrize("every_s", [0.05, 1, 20])
def test_a_steady_chat_never_stirs_however_fast(every_s: float) -> None:
    assert max(stir(plain(list(np.arange(0, LENGTH_S, every_s))))) == 0


def test_three_messages_in_a_silent_chat_are_no_stir() -> None:
    assert max(stir(plain([0.0, 300.0, 301.0, 302.0, 590.0]))) == 0


def test_a_stir_in_a_quiet_chat_is_one_of_few() -> None:
    def burst(count: int, usual_s: float) -> float:
        extra = 300 + 5 * np.arange(count) / count
        return max(stir(plain(sorted([*np.arange(0, LENGTH_S, usual_s), *extra]))))

    assert burst(12, 30) > 0.5
    assert burst(12, 0.1) < 0.2


def test_a_message_may_hold_line_ends_of_its_own() -> None:
    text = '{"t": 5, "text": "a\u2028b\u0085c"}\n' * 8
    assert len(stir(text)) == 6


def test_a_mark_of_the_encoding_is_no_error() -> None:
    assert stir("\ufeff" + plain(ticks())) == stir(plain(ticks()))


def test_nothing_of_who_wrote_or_what_is_kept() -> None:
    assert all(type(value) is float for value in stir(youtube(ticks())))


# What may be in a file that calls itself a chat

HOSTILE = {
    "words": "just some notes\nabout the stream",
    "number": "5",
    "null": "null",
    "no times": '{"text": "hi"}\n{"text": "no way"}',
    "comments of another kind": '{"comments": {"t": 1}}',
    "comments that are none": '{"comments": [1, null, "x", [], {}]}',
    "never": '{"t": NaN}\n{"t": Infinity}\n{"t": -Infinity}',
    "before the start": '{"t": -5}\n{"time_ms": -1}',
    "years": '{"t": 1e300}\n{"time_ms": ' + "9" * 400 + "}",
    "a number without end": '{"t": ' + "9" * 10_000 + "}",
    "other types": '{"t": [1]}\n{"t": {"a": 1}}\n{"t": null}\n{"t": "soon"}\n[1]\n"x"\n7',
    "cut off": '{"t": 1, "te',
    "nested": "[" * 200_000,
    "nested well": '{"t":' + "[" * 100_000 + "]" * 100_000 + "}",
    "a megabyte": '{"t": "' + "x" * 1_000_000 + '"}',
    "action": '{"replayChatItemAction": 5}\n{"replayChatItemAction": {"videoOffsetTimeMsec": "x"}}',
}


@pytest.mark.parametrize("text", ["", "\n \n", '{"comments": []}', "[]"])
def test_a_chat_in_which_nobody_wrote_is_empty(text: str) -> None:
    assert stir(text) == ()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_chat_log_is_refused_in_a_few_words(text: str) -> None:
    with pytest.raises(Refused) as refused:
        stir(text)
    assert len(str(refused.value)) < 100


def test_the_line_that_is_wrong_is_named_and_its_words_are_not() -> None:
    with pytest.raises(Refused, match="line 3") as refused:
        stir('{"t": 1, "text": "a"}\n\n{"t": 2, "text": "a secret')
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["no times", "never", "before the start", "years", "other types"])
def test_wrong_rows_among_right_ones_are_passed_over(name: str) -> None:
    assert stir(HOSTILE[name] + "\n" + plain(ticks())) == stir(plain(ticks()))


def test_a_line_of_a_megabyte_is_one_message() -> None:
    long = json.dumps({"t": 3, "text": "x" * 1_000_000})
    assert len(stir(long)) == 4


def test_a_chat_of_a_day_is_cut_to_what_a_recording_may_last() -> None:
    assert len(stir(plain([1.0, LONGEST_S - 1.0, LONGEST_S + 9.0, 80_000.0]))) == LONGEST_S


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=5)
    | st.floats(0, 500),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
rows = st.dictionaries(
    st.sampled_from(("t", "time_ms", "time_in_seconds", "replayChatItemAction", "text")), values
)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=8), st.booleans())
def test_whatever_its_rows_hold_it_is_refused_or_a_share_a_second(
    found: list[dict[str, Any]], whole: bool
) -> None:
    text = json.dumps(found) if whole else "\n".join(json.dumps(row) for row in found)
    try:
        felt = stir(text)
    except Refused:
        return
    assert len(felt) <= LONGEST_S
    assert felt or not found
    assert all(math.isfinite(value) and 0 <= value <= 1 for value in felt)
