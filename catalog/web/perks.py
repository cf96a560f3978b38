"""What a membership gives, on its page: the private feed, personal downloads, drops and seats."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from sqlalchemy import select

from catalog import throttle
from catalog.auth import Visitor, needs, sha256
from catalog.entitlements import now_of
from catalog.errors import NotFound
from catalog.members import announcements, downloads, feeds, memberships, perks
from catalog.members.perks import feed, seats
from catalog.signing import LinkRefused, Mark
from catalog.web.feeds import KEPT, MOST, PER_S
from catalog.web.rendering import page
from catalog.web.sending import send
from catalog.web.visitors import Asking, address_of, ours
from models.base import reading, unit_of_work
from models.membership import Tier
from models.perk import PerkGrant
from models.settings import settings

READ = ["GET", "HEAD"]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{20,80}$")]
MIME = "application/rss+xml; charset=utf-8"

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/feeds/members/{word}.rss", methods=READ)
def private_feed(request: Request, word: Word) -> Response:
    """Where it opens nothing any more, plain words say so: a reader that hears "gone" stops."""
    _unhurried(request)
    try:
        with reading() as session:
            body = feeds.rss(feeds.read(session, word, now_of(session)), word)
    except NotFound as error:
        with reading() as session:
            known = select(PerkGrant.id).filter_by(token_sha256=sha256(word)).limit(1)
            over = session.scalar(known) is None  # it is taken off with the perk, for good
        return PlainTextResponse(f"{error}\n", 410 if over else 404, KEPT)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = {**KEPT, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    return Response(body, media_type=MIME, headers=kept)


@router.api_route("/feeds/members/{word}/{asset_id}/{name}", methods=READ)
def feed_file(request: Request, word: Word, asset_id: Id, name: str) -> Response:
    """To an address without the word in it, good for minutes: players tell where they fetch."""
    _unhurried(request)
    with unit_of_work() as session:  # it may make the key that signs
        link = feeds.link(session, word, asset_id, now_of(session))
    return RedirectResponse(link, 307, headers={**KEPT, "Cache-Control": "no-store"})


@router.api_route("/feeds/members/files/{grant_id}/{asset_id}/{name}", methods=READ)
def signed_file(
    request: Request,
    grant_id: Id,
    asset_id: Id,
    name: str,
    expires: int = 0,
    key: int = 0,
    signature: str = "",
) -> Response:
    if not (0 < expires < 10**12 and 0 < key < 10**6 and signature.isalnum()):
        raise LinkRefused("This link is not whole. Fetch the feed again for a fresh one.")
    mark, path = Mark(expires, key, signature), request.url.path
    with reading() as session:
        now = now_of(session)
        asset = feeds.opened(session, request.method, path, grant_id, asset_id, mark, now)
    return send(request, asset, private=True)


@router.api_route("/memberships/{membership_id}/perks", methods=READ)
def shown(request: Request, visitor: Asking, membership_id: Id) -> Response:
    return _shown(request, visitor, membership_id)


@changes.post("/memberships/{membership_id}/feed")
def make_feed(request: Request, visitor: Asking, membership_id: Id) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        membership = memberships.mine(session, visitor, membership_id)
        now = now_of(session)
        perks.settle(session, membership, now)
        word = feed.make_address(session, membership, now)
    address = f"{settings().base_url}/feeds/members/{word}.rss"
    made = _shown(request, visitor, membership_id, address=address)
    made.headers["Cache-Control"] = "no-store"
    return made


@changes.post("/memberships/{membership_id}/feed/end")
def end_feed(visitor: Asking, membership_id: Id) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        feed.end_address(session, memberships.mine(session, visitor, membership_id))
    return RedirectResponse(f"/memberships/{membership_id}/perks", 303)


@changes.post("/clips/{clip_id}/personal")
def personal(visitor: Asking, clip_id: str) -> Response:
    """A clean copy of one's own. Its license's page has the file in a minute."""
    with unit_of_work(actor=visitor.actor) as session:
        made = downloads.take(session, visitor, clip_id, now_of(session))
    return RedirectResponse(f"/licenses/{made.id}", 303)


@changes.post("/announcements/{announcement_id}/seat")
def take_seat(visitor: Asking, announcement_id: Id) -> Response:
    return _seated(visitor, announcement_id, take=True)


@changes.post("/announcements/{announcement_id}/seat/back")
def give_seat_back(visitor: Asking, announcement_id: Id) -> Response:
    return _seated(visitor, announcement_id, take=False)


router.include_router(changes)


def _seated(visitor: Visitor, announcement_id: str, *, take: bool) -> Response:
    needs(visitor)
    with unit_of_work(actor=visitor.actor) as session:
        act = seats.take if take else seats.give_back
        act(session, visitor.account_id, announcement_id, now_of(session))
        back = announcements.membership_of(session, visitor, announcement_id)
    return RedirectResponse(f"/memberships/{back}/perks#coming", 303)


def _shown(
    request: Request, visitor: Visitor, membership_id: str, *, address: str = ""
) -> Response:
    with reading() as session:
        membership = memberships.mine(session, visitor, membership_id)
        now, creator_id = now_of(session), membership.creator_id
        told = announcements.for_member(session, membership.account_id, now)
        tier = session.get_one(Tier, membership.tier_id)
        gives = memberships.has_perks(membership, now)
        return page(
            request,
            "perks.html",
            membership=membership,
            tier=tier,
            gives=gives,
            perks=perks.told(tier),
            feed="feed" in perks.kinds(tier) and gives,
            has_address=feed.has_address(session, membership),
            address=address,
            downloads=downloads.left(session, visitor, creator_id, now),
            coming=[one for one in told if one.announcement.creator_id == creator_id],
        )


def _unhurried(request: Request) -> None:
    throttle.glance("feed", address_of(request), MOST, PER_S)
