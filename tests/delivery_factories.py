"""A clip with a file of every kind, and licenses of it that stand as a test wants them."""

import hashlib
import secrets
import time
from typing import Any

from sqlalchemy.orm import Session

from models.clip import Asset, AssetKind, Clip
from models.license import License, LicenseState
from models.listing import Listing
from models.order import Order, OrderLine, OrderState
from models.quote import Quote
from tests import factories, license_factories

FORMS = {
    AssetKind.POSTER: (".jpg", "image/jpeg"),
    AssetKind.STORYBOARD: (".jpg", "image/jpeg"),
    AssetKind.CAPTIONS: (".vtt", "text/vtt"),
    AssetKind.MANIFEST: (".json", "application/json"),
}
OF_CLIP = (
    AssetKind.MASTER,
    AssetKind.PREVIEW,
    AssetKind.HOVER,
    *FORMS,
)


def full_clip(session: Session, **values: Any) -> tuple[Clip, Listing]:
    """On sale. The bytes of each file say what it is."""
    clip = factories.clip(session, factories.recording(session), **values)
    for kind in OF_CLIP:
        file(session, clip, kind)
    return clip, factories.listing(session, clip)


def file(session: Session, clip: Clip, kind: AssetKind) -> Asset:
    suffix, mime = FORMS.get(kind, (".mp4", "video/mp4"))
    content = f"{kind} of {clip.id}".encode() * 20
    return factories.asset(session, clip, kind, content, suffix=suffix, mime=mime)


def license_of(
    session: Session,
    listing: Listing,
    *,
    account_id: str | None = None,
    guest: str = "",
    kind: str = "standard",
    stands: str = "alive",
    delivered: bool = True,
    **values: Any,
) -> License:
    """`stands`: alive, later, ended or revoked. `guest`: the hash of a browser's cookie."""
    now = int(time.time() * 1000)
    day = factories.DAY_MS
    starts, ends = {"later": (now + day, now + 9 * day), "ended": (now - 9 * day, now - day)}.get(
        stands, (now - day, now + 300 * day)
    )
    marked = {"watermarked": True} if kind == "comp" else {}
    terms = license_factories.terms(session, kind, fields=marked)
    line = _line_of_guest(session, listing, terms.id, guest) if guest else None
    given = {"starts_ms": starts, "ends_ms": ends} | values
    row = license_factories.license(
        session,
        listing,
        terms_id=terms.id,
        account_id=account_id,
        order_line_id=line.id if line else None,
        state=LicenseState.REVOKED if stands == "revoked" else LicenseState.ACTIVE,
        revoked_ms=now if stands == "revoked" else None,
        **given,
    )
    if delivered:
        copy(session, row, b"\x00\x00\x00\x18ftyp the copy for " + row.id.encode() * 30)
        copy(session, row, b'{"license": "%b"}' % row.id.encode(), ".json", "application/json")
    return row


def copy(
    session: Session,
    row: License,
    content: bytes,
    suffix: str = ".mp4",
    mime: str = "video/mp4",
) -> Asset:
    made = factories.asset(
        session, row.listing.clip, AssetKind.DELIVERY, content, suffix=suffix, mime=mime
    )
    made.license_id = row.id
    session.flush()
    return made


def word_of_guest() -> tuple[str, str]:
    """What the cookie holds, and its hash."""
    word = secrets.token_urlsafe(24)
    return word, hashlib.sha256(word.encode()).hexdigest()


def _line_of_guest(session: Session, listing: Listing, terms_id: str, guest: str) -> OrderLine:
    use = {"media": ["web"], "starts_ms": 0, "term_days": 365}
    quote = Quote(
        listing_id=listing.id,
        terms_id=terms_id,
        guest=guest,
        use=use,
        price_cents=12_000,
        currency="USD",
        breakdown=[],
        expires_ms=2**52,
    )
    order = Order(guest=guest, state=OrderState.PAID, email="guest@example.org", name="A guest")
    session.add_all([quote, order])
    session.flush()
    line = OrderLine(
        order_id=order.id,
        number=1,
        quote_id=quote.id,
        listing_id=listing.id,
        terms_id=terms_id,
        use=quote.use,
        price_cents=quote.price_cents,
    )
    session.add(line)
    session.flush()
    return line
