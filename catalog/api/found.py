"""What a search answers as JSON."""

from pydantic import BaseModel, Field

from catalog import search
from catalog.api.shapes import ListingShape, Shape, listing_fields


class FacetShape(Shape):
    value: str
    label: str
    count: int
    exact: bool = Field(description="False: so many, and maybe more")


class HitShape(Shape):
    at_ms: int = Field(description="Of the clip")
    text: str


class FoundShape(ListingShape):
    said: HitShape | None = Field(description="The line in which the words are said")


class ListingPage(BaseModel):
    listings: list[FoundShape]
    total: int
    exact: bool = Field(description="False: there are more than `total`")
    facets: dict[str, list[FacetShape]]
    next_cursor: str | None


def listing_page(page: search.Page) -> ListingPage:
    return ListingPage(
        listings=[
            FoundShape(**listing_fields(row), said=_said(page.hits.get(row.id)))
            for row in page.listings
        ],
        total=page.total,
        exact=page.exact,
        facets={
            name: [FacetShape.model_validate(one) for one in found]
            for name, found in page.facets.items()
        },
        next_cursor=page.next_cursor,
    )


def _said(hit: search.Hit | None) -> HitShape | None:
    return HitShape(at_ms=hit.at_ms, text=hit.text) if hit else None
