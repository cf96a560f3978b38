"""An answer to "why" or "why not" in sentences, and what became of a click."""

from collections.abc import Iterator

from catalog.moments import Fate
from catalog.times import written
from catalog.web.words import clock, score, why
from catalog.why import Answer
from models.analysis import Candidate
from models.review import Review, Verdict

CHOSEN = {
    "on sale": "on sale as a clip",
    "being made": "being made into a clip",
    "given up": "chosen, but its clip could not be made",
    "not public": "a clip, but not public now",
    "discarded": "a clip that you discarded",
    "replaced": "a clip that its trimmed form has replaced",
}


def sentences(answer: Answer) -> list[str]:
    return list(_sentences(answer))


def _sentences(answer: Answer) -> Iterator[str]:
    yield _worth(answer)
    here = answer.moment
    if here is not None:
        yield _inside(here)
    if here is not None and here.wanted:
        return
    if answer.nearest is None:
        yield "No moment of this recording became a clip."
    else:
        one = answer.nearest.candidate
        what = "clip" if one.asked_ms is not None else "chosen moment"
        parts = why(one.reasons) or "picked by hand"
        yield f"The nearest {what} is {_named(answer.nearest)}: {parts}."


def _worth(answer: Answer) -> str:
    if answer.score is None:
        return "Nothing was measured here."
    below = answer.least is not None and answer.score < answer.least
    if answer.least is not None and below and not (answer.moment and answer.moment.wanted):
        return f"{score(answer.score)} here; a clip needs {score(answer.least)}."
    return f"{score(answer.score)} here."


def _inside(moment: Fate) -> str:
    """What the moment is, and what was decided."""
    one = moment.candidate
    if moment.standing == "not chosen":
        reason = one.why_not or "Others were better."
        return f"It is part of {_named(moment)}, which was not chosen: {reason}"
    parts = why(one.reasons)
    whose = ", asked for by a person" if one.asked_ms is not None else ""
    told = f": {parts}" if parts and not whose else ""
    return f"It is part of {_named(moment)}{told}{whose}, {CHOSEN[moment.standing]}."


def _named(moment: Fate) -> str:
    """1:28 to 1:49 (0.75)"""
    span = f"{clock(moment.start_ms)} to {clock(moment.end_ms)}"
    one = moment.candidate
    return f"{span} ({score(one.score)})" if one.reasons else span


def done(review: Review, candidate: Candidate, *, on_sale: bool = False) -> str:
    """One sentence about what just happened; `on_sale`: the clip that was asked for is already."""
    span = f"{written(candidate.start_ms)} to {written(candidate.end_ms)}"
    if review.undone_ms is not None:
        return {
            Verdict.KEPT: f"{span} is no longer marked as kept.",
            Verdict.DISCARDED: f"The clip of {span} is on sale again.",
            Verdict.PROMOTED: f"The clip of {span} was taken back.",
            Verdict.TRIMMED: f"The trim to {span} was taken back; the clip is as it was.",
        }[Verdict(review.verdict)]
    if on_sale and review.verdict in (Verdict.PROMOTED, Verdict.TRIMMED):
        return f"The clip of {span} is on sale."
    return {
        Verdict.KEPT: f"Kept: {span}. Moments like it will count for more.",
        Verdict.DISCARDED: f"Discarded: {span}. The clip is off sale.",
        Verdict.PROMOTED: f"A clip of {span} is being made. It goes on sale by itself.",
        Verdict.TRIMMED: f"The clip is being cut to {span}. Until then the old one stays on sale.",
    }[Verdict(review.verdict)]
