"""The creator's desk: a recording's page, its answers, and the forms that change something."""

import hashlib
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from catalog import playlists, recordings, reviews, times, why
from catalog.web import facts, saying, timeline
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours, own_desk
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.review import Review

READ = ["GET", "HEAD"]
ID = r"[0-9a-f]{32}"
At = Annotated[str | None, Query(max_length=20)]
Asked = Annotated[str | None, Form(max_length=20)]
Field = Annotated[str, Form(max_length=20)]
LISTED = 60
"""Moments that the page lists at first; an hour may have hundreds that nobody chose."""


router = APIRouter(include_in_schema=False, dependencies=[Depends(own_desk)])
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/recordings/{recording_id}", methods=READ)
def recording(
    request: Request,
    recording_id: str,
    at: At = None,
    done: Annotated[str, Query(pattern=rf"^({ID})?$")] = "",
    forgot: Annotated[int | None, Query(ge=0, le=10**15)] = None,
) -> Response:
    """`at` asks why; `done` and `forgot` say what was just done and offer to undo it."""
    with reading() as session:
        detail = recordings.get(session, recording_id)
        return page(
            request,
            "recording.html",
            **shown(request, detail, at),
            timeline=timeline.drawn(detail),
            told=facts.told(detail.recording),
            said=_said(session, detail, done),
            forgot=forgot,
        )


@router.api_route("/recordings/{recording_id}/status", methods=READ)
def status(
    request: Request, recording_id: str, seen: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """The progress line again, and with it whatever is new since the page `seen`."""
    with reading() as session:
        detail = recordings.get(session, recording_id)
        context = shown(request, detail)
        news = _news(seen, str(context["version"]))
        line = timeline.drawn(detail) if news["timeline_changed"] else None
        return page(request, "_status.html", timeline=line, **news, **context)


@router.api_route("/recordings/{recording_id}/why", methods=READ)
def answer(request: Request, recording_id: str, at: At = None) -> Response:
    """The answer alone, for a page that is open."""
    with reading() as session:
        detail = recordings.get(session, recording_id)
        playable = playlists.is_playable(detail.recording)
        return page(
            request,
            "_why.html",
            recording=detail.recording,
            playable=playable,
            **_asked(detail, at or "0"),
        )


@changes.post("/recordings/{recording_id}/clips")
def ask_for(
    request: Request, visitor: Asking, recording_id: str, start: Field, end: Field
) -> Response:
    span = times.parse(start), times.parse(end)
    with unit_of_work(visitor.actor) as session:
        review = reviews.ask_for(session, recording_id, *span)
    return _answer(request, recording_id, review=review)


@changes.post("/moments/{candidate_id}/promote")
def promote(request: Request, visitor: Asking, candidate_id: str, at: Asked = None) -> Response:
    with unit_of_work(visitor.actor) as session:
        review = reviews.promote(session, candidate_id)
    return _after(request, review, at)


@changes.post("/clips/{clip_id}/keep")
def keep(request: Request, visitor: Asking, clip_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        review = reviews.keep(session, clip_id)
    return _after(request, review)


@changes.post("/clips/{clip_id}/discard")
def discard(request: Request, visitor: Asking, clip_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        review = reviews.discard(session, clip_id)
    return _after(request, review)


@changes.post("/clips/{clip_id}/trim")
def trim(request: Request, visitor: Asking, clip_id: str, start: Field, end: Field) -> Response:
    span = times.parse(start), times.parse(end)
    with unit_of_work(visitor.actor) as session:
        review = reviews.trim(session, clip_id, *span)
    return _after(request, review)


@changes.post("/reviews/{review_id}/undo")
def undo(request: Request, visitor: Asking, review_id: str, at: Asked = None) -> Response:
    with unit_of_work(visitor.actor) as session:
        review = reviews.undo(session, review_id)
    return _after(request, review, at)


@changes.post("/recordings/{recording_id}/forget")
def forget(
    request: Request,
    visitor: Asking,
    recording_id: str,
    recall_ms: Annotated[int | None, Form(ge=0, le=10**15)] = None,
) -> Response:
    """What this recording's creator taught for its profile; with `recall_ms` it is undone."""
    with unit_of_work(visitor.actor) as session:
        row = recordings.get(session, recording_id)
        whose = row.recording.creator_id, row.taught.profile
        if recall_ms is None:
            recall = reviews.forget(session, *whose)
        else:
            reviews.recall(session, *whose, recall_ms)
            recall = 0
    return _answer(request, recording_id, forgot=recall)


router.include_router(changes)


def shown(request: Request, detail: recordings.Detail, at: str | None = None) -> dict[str, Any]:
    """What every template of this page is given, but for the timeline's drawing.

    Raises BadRequest for an `at` that is no time.
    """
    row, playable = detail.recording, playlists.is_playable(detail.recording)
    ranked = [one for one in detail.moments if not one.candidate.exact]
    few = [one for i, one in enumerate(ranked) if i < LISTED or one.standing != "not chosen"]
    # A part of the page is asked for by the page that it belongs to.
    address = request.headers.get("hx-current-url") or str(request.url)
    everything = "all" in parse_qs(urlsplit(address).query)
    return {
        "detail": detail,
        "recording": row,
        "listed": ranked if everything else few,
        "ranked": len(ranked),
        "progress": detail.progress,
        "playable": playable,
        "version": _version(detail, playable),
        **_asked(detail, at),
    }


def _asked(detail: recordings.Detail, at: str | None) -> dict[str, Any]:
    known = at and detail.recording.duration_ms
    asked = why.ask(detail, times.parse(at)) if at and known else None
    return {"answer": asked, "sentences": saying.sentences(asked) if asked else []}


def _version(detail: recordings.Detail, playable: bool) -> str:
    """Three words, for what can be watched, for clips and moments, for the timeline."""
    row = detail.recording
    watch = "playing" if playable else str(row.state)
    standing = [
        (one.candidate.id, one.standing, one.review.id if one.review else "", one.note)
        for one in detail.moments
    ]
    taught = [detail.taught.choices, len(detail.clips), detail.held]
    desk = _word([str(row.state), row.reason, standing, taught])
    return f"{watch}-{desk}-{_word([desk, row.analysis is None, detail.seen])}"


def _word(facts: Any) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _news(seen: str, version: str) -> dict[str, bool]:
    before, now = seen.split("-"), version.split("-")
    if len(before) != len(now):
        before = [""] * len(now)
    watch, desk, line = (a != b for a, b in zip(before, now, strict=True))
    return {"watch_changed": watch, "desk_changed": desk, "timeline_changed": line}


def _after(request: Request, review: Review, at: str | None = None) -> Response:
    with reading() as session:
        recording_id = session.get_one(Candidate, review.candidate_id).recording_id
    return _answer(request, recording_id, review=review, at=at)


def _answer(
    request: Request,
    recording_id: str,
    *,
    review: Review | None = None,
    forgot: int | None = None,
    at: str | None = None,
) -> Response:
    """What changed for a page that is open; the page itself for a browser without scripts."""
    if not request.headers.get("hx-request"):
        fields = {"done": review.id if review else "", "forgot": forgot, "at": at}
        return RedirectResponse(with_query(f"/recordings/{recording_id}", **fields) + "#said", 303)
    with reading() as session:
        detail = recordings.get(session, recording_id)
        return page(
            request,
            "_done.html",
            **shown(request, detail),
            timeline=timeline.drawn(detail),
            said=_said(session, detail, review.id if review else ""),
            forgot=forgot,
            watch_changed=False,
            desk_changed=True,
            timeline_changed=True,
        )


def _said(session: Session, detail: recordings.Detail, review_id: str) -> dict[str, Any] | None:
    """What was done, and the review that can be undone."""
    review = session.get(Review, review_id) if review_id else None
    candidate = session.get(Candidate, review.candidate_id) if review else None
    if review is None or candidate is None or candidate.recording_id != detail.recording.id:
        return None
    on_sale = any(
        one.candidate.id == candidate.id and one.standing == "on sale" for one in detail.moments
    )
    return {"text": saying.done(review, candidate, on_sale=on_sale), "review": review}
