"""Lightboxes and saved searches, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import lightboxes
from catalog.api import etags, shapes
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS, Cursor, Limit
from catalog.auth import NOBODY, Visitor
from catalog.cursors import Page
from catalog.web.visitors import guests_share
from models.base import reading, unit_of_work
from models.lightbox import Lightbox, SavedSearch
from models.listing import Listing

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Lightboxes"])
Id = Annotated[str, Path(max_length=40)]
Reader = Annotated[Visitor, scope("lightboxes:read", guests=True)]
Writer = Annotated[Visitor, scope("lightboxes:write", guests=True)]
Saver = Annotated[Visitor, scope("lightboxes:write")]
Finder = Annotated[Visitor, scope("lightboxes:read")]
Name = Annotated[str, Field(max_length=lightboxes.NAME_LENGTH)]


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name = Field(min_length=1)


class SearchAsked(Named):
    query: str = Field(
        max_length=lightboxes.QUERY_LENGTH,
        description="A query string, with the parameters of the search",
        examples=["q=goal&tag=cup&order=newest"],
    )


class LightboxShape(BaseModel):
    id: str
    name: str
    clips: int = Field(description="On sale now")
    gone: int = Field(description="Not on sale any more, or not at the moment")
    created_ms: int
    changed_ms: int
    url: str
    shared_url: str | None = Field(description="Whoever has it may look")


class LightboxList(BaseModel):
    lightboxes: list[LightboxShape]


class KeptPage(BaseModel):
    listings: list[shapes.ListingShape]
    total: int
    next_cursor: str | None


class SharedLightbox(KeptPage):
    name: str


class SearchShape(BaseModel):
    id: str
    name: str
    query: str
    created_ms: int
    url: str
    listings_url: str = Field(description="The same search, as JSON")


class SearchList(BaseModel):
    searches: list[SearchShape]


@router.get("/lightboxes", summary="Your lightboxes, what changed last first")
def list_lightboxes(visitor: Reader) -> LightboxList:
    with reading() as session:
        found = lightboxes.all_of(session, visitor)
        counts = lightboxes.counts(session, visitor, found)
        return LightboxList(lightboxes=[_box(one, counts[one.id]) for one in found])


@router.post("/lightboxes", status_code=201, summary="Make a lightbox")
def make_lightbox(request: Request, visitor: Writer, asked: Named) -> LightboxShape:
    with unit_of_work(visitor.actor) as session:
        guests_share(session, request, "lightbox", lightboxes.MOST_AT_ONE_ADDRESS)
        return _shape(session, visitor, lightboxes.make(session, visitor, asked.name))


@router.get("/lightboxes/{lightbox_id}", summary="One lightbox")
def get_lightbox(visitor: Reader, lightbox_id: Id) -> LightboxShape:
    with reading() as session:
        return _shape(session, visitor, lightboxes.own(session, visitor, lightbox_id))


@router.patch("/lightboxes/{lightbox_id}", summary="Rename a lightbox", responses={412: {}})
def rename_lightbox(
    request: Request, visitor: Writer, lightbox_id: Id, asked: Named
) -> LightboxShape:
    with unit_of_work(visitor.actor) as session:
        seen = lightboxes.own(session, visitor, lightbox_id, lock=True)
        etags.must_match(request, _shape(session, visitor, seen))
        return _shape(
            session, visitor, lightboxes.rename(session, visitor, lightbox_id, asked.name)
        )


@router.delete("/lightboxes/{lightbox_id}", status_code=204, summary="Delete a lightbox")
def delete_lightbox(visitor: Writer, lightbox_id: Id) -> Response:
    with unit_of_work(visitor.actor) as session:
        lightboxes.remove(session, visitor, lightbox_id)
    return Response(status_code=204)


@router.put("/lightboxes/{lightbox_id}/share", summary="Share a lightbox by a link")
def share_lightbox(visitor: Writer, lightbox_id: Id) -> LightboxShape:
    with unit_of_work(visitor.actor) as session:
        return _shape(session, visitor, lightboxes.share(session, visitor, lightbox_id))


@router.delete("/lightboxes/{lightbox_id}/share", summary="Take a lightbox's link back")
def unshare_lightbox(visitor: Writer, lightbox_id: Id) -> LightboxShape:
    """For good: shared again, it has another link."""
    with unit_of_work(visitor.actor) as session:
        return _shape(session, visitor, lightboxes.unshare(session, visitor, lightbox_id))


@router.get("/lightboxes/{lightbox_id}/clips", summary="What is in a lightbox")
def list_kept(
    visitor: Reader, lightbox_id: Id, cursor: Cursor = None, limit: Limit = 24
) -> KeptPage:
    """What you see now, what was kept last first."""
    with reading() as session:
        box = lightboxes.own(session, visitor, lightbox_id)
        return KeptPage(**_page(lightboxes.clips(session, visitor, box, cursor, limit)))


@router.put("/lightboxes/{lightbox_id}/clips/{clip_id}", summary="Keep a clip in a lightbox")
def keep_clip(visitor: Writer, lightbox_id: Id, clip_id: Id) -> LightboxShape:
    """By the clip's id or the listing's. Twice is once."""
    with unit_of_work(visitor.actor) as session:
        return _shape(session, visitor, lightboxes.keep(session, visitor, clip_id, lightbox_id))


@router.delete("/lightboxes/{lightbox_id}/clips/{clip_id}", summary="Take a clip out of a lightbox")
def take_clip_out(visitor: Writer, lightbox_id: Id, clip_id: Id) -> LightboxShape:
    """By the clip's id or the listing's, on sale or not. Twice is once."""
    with unit_of_work(visitor.actor) as session:
        return _shape(session, visitor, lightboxes.take_out(session, visitor, lightbox_id, clip_id))


@router.get("/shared/{word}", summary="What somebody shares by a link")
def get_shared(word: Id, cursor: Cursor = None, limit: Limit = 24) -> SharedLightbox:
    """`word` is the end of the link."""
    with reading() as session:
        box = lightboxes.shared_box(session, word)
        found = lightboxes.clips(session, NOBODY, box, cursor, limit)
        return SharedLightbox(name=box.name, **_page(found))


@router.get("/searches", summary="Your saved searches, newest first")
def list_searches(visitor: Finder) -> SearchList:
    with reading() as session:
        found = lightboxes.searches(session, visitor)
        return SearchList(searches=[_search(one) for one in found])


@router.post("/searches", status_code=201, summary="Save a search")
def save_search(visitor: Saver, asked: SearchAsked) -> SearchShape:
    """What a search does not know is left out of the query."""
    with unit_of_work(visitor.actor) as session:
        made = lightboxes.save_search(session, visitor, asked.name, asked.query)
        session.refresh(made)
        return _search(made)


@router.delete("/searches/{search_id}", status_code=204, summary="Delete a saved search")
def delete_search(visitor: Saver, search_id: Id) -> Response:
    with unit_of_work(visitor.actor) as session:
        lightboxes.forget_search(session, visitor, search_id)
    return Response(status_code=204)


def _shape(session: Session, visitor: Visitor, row: Lightbox) -> LightboxShape:
    session.flush()
    session.refresh(row)  # the database says when it changed
    return _box(row, lightboxes.counts(session, visitor, [row])[row.id])


def _box(row: Lightbox, counts: lightboxes.Counts) -> LightboxShape:
    return LightboxShape(
        id=row.id,
        name=row.name,
        clips=counts.clips,
        gone=counts.gone,
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
        url=shapes.absolute(f"/lightboxes/{row.id}"),
        shared_url=shapes.absolute(f"/shared/{row.share}") if row.share else None,
    )


def _page(found: Page[Listing]) -> dict[str, object]:
    listings = [shapes.listing(one) for one in found.rows]
    return {"listings": listings, "total": found.total, "next_cursor": found.next_cursor}


def _search(row: SavedSearch) -> SearchShape:
    return SearchShape(
        id=row.id,
        name=row.name,
        query=row.query,
        created_ms=row.created_ms,
        url=shapes.absolute(f"/?{row.query}"),
        listings_url=shapes.absolute(f"/api/v1/listings?{row.query}"),
    )
