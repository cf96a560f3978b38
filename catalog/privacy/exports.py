"""All that is kept of one person, at once: a zip with a JSON and a CSV file of each kind.

It is written while it is sent: no row of it is kept, and a long history needs no more memory than
a short one.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, inspect, or_, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.csvs import rows_as_csv
from catalog.entitlements import now_of, seen_by
from catalog.privacy.kinds import KINDS, Kind, Person, person_of
from models.base import engine
from models.clip import Clip
from models.creator import Creator
from models.listing import Listing
from models.membership import Tier
from models.offer import Offer
from models.reservation import FOREVER_MS
from models.terms import Terms

AT_ONCE = 500
"""Rows that are read together."""
DURATIONS = ("paused_left_ms",)
"""Milliseconds that are no moment."""
NAMES: dict[str, tuple[str, Callable[[Any], Select[Any]]]] = {
    "creator_id": ("creator", lambda of: select(Creator.name).where(Creator.id == of)),
    "clip_id": ("clip", lambda of: select(Clip.title).join(Listing).where(Clip.id == of)),
    "listing_id": ("clip", lambda of: select(Clip.title).join(Listing).where(Listing.id == of)),
    "tier_id": ("tier", lambda of: select(Tier.name).where(Tier.id == of)),
    "terms_id": ("terms", lambda of: select(Terms.title).where(Terms.id == of)),
    "offer_id": ("offer", lambda of: select(Offer.title).where(Offer.id == of)),
}
"""What an id stands for, in a column beside it. A clip's name is told to who may see it."""
README = """What Reelyard keeps of you

Written {at}, for {email}.

Each kind of thing is here twice: as JSON, for programs, and as CSV, for a spreadsheet. Moments are
in UTC. Amounts end with "_cents" and are hundredths of the currency beside them. What would let
somebody act as you is left out: passwords, keys and the words of links are kept as hashes at most.

{kinds}
How long each is kept and what an erasure does to it stands on {base_url}/account/data, where you
can also take back what you agreed to, and erase your account.
"""


def stream(account_id: str, base_url: str) -> Iterator[bytes]:
    """The zip, piece by piece. All of it is of one moment."""
    with Session(engine().execution_options(reads=True)) as session:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        out = _Pieces()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for name, pieces in _files(session, person_of(session, account_id), base_url):
                with made.open(_entry(name), "w") as file:
                    for piece in pieces:
                        file.write(piece.encode())
                        yield from out.taken()
        yield from out.taken()


def name_of(at_ms: int) -> str:
    return f"reelyard-my-data-{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}.zip"


def rows(session: Session, me: Person, kind: Kind) -> Iterator[dict[str, Any]]:
    """By the names that the person reads: moments without "_ms", written out."""
    shown = [one for one in inspect(kind.row).columns if one.key not in kind.hidden]
    wanted: list[Any] = [one.label(one.key) for one in shown]
    own, told = {one.key for one in shown}, _told(session, me)
    for column in shown:
        name, of = NAMES.get(column.key, ("", None))
        if of is not None and name not in own:
            named = of(column).where(told) if name == "clip" else of(column)
            wanted.append(named.scalar_subquery().label(name))
    by = list(inspect(kind.row).primary_key)
    found = session.execute(
        select(*wanted).where(kind.mine(me)).order_by(*by).execution_options(yield_per=AT_ONCE)
    )
    for row in found.mappings():
        yield dict(_said(name, value) for name, value in row.items())


def _told(session: Session, me: Person) -> ColumnElement[bool]:
    """Of listings: not those that are early for others alone. What was on sale once is no
    secret."""
    at_ms = now_of(session)
    desks = session.scalars(select(Creator.id).where(Creator.account_id == me.id))
    reader = Visitor(account_id=me.id, creator_ids=frozenset(desks))
    return or_(Listing.visible_from_ms <= at_ms, seen_by(reader, at_ms))


def _files(session: Session, me: Person, base_url: str) -> Iterator[tuple[str, Iterator[str]]]:
    lines = "\n".join(f"{one.key}: {one.title}. {one.why}" for one in KINDS)
    at = _moment(now_of(session))
    said = README.format(at=at, email=me.email, kinds=f"{lines}\n", base_url=base_url)
    yield "README.txt", iter([said])
    for kind in KINDS:
        yield f"json/{kind.key}.json", _json(rows(session, me, kind))
        yield f"csv/{kind.key}.csv", _csv(kind, rows(session, me, kind))


def _json(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    before = "["
    for one in found:
        yield f"{before}\n{json.dumps(one, ensure_ascii=False)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv(kind: Kind, found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Its first line stands there even when nothing follows."""
    head: list[str] | None = None
    for one in found:
        if head is None:
            head = list(one)
            yield rows_as_csv(head, [])
        yield _lines([_cell(value) for value in one.values()])
    if head is None:
        shown = [one.key for one in inspect(kind.row).columns if one.key not in kind.hidden]
        yield rows_as_csv([_said(name, None)[0] for name in shown], [])


def _lines(cells: list[object]) -> str:
    return rows_as_csv([], [cells]).removeprefix("\r\n")


def _cell(value: object) -> object:
    """What is no single value stands in its cell as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _said(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, frozenset):
        value = sorted(value)
    if not name.endswith("_ms") or name in DURATIONS:
        return name, value
    return name.removesuffix("_ms"), None if value is None else _moment(value)


def _moment(ms: int) -> str:
    if ms >= FOREVER_MS:
        return "without end"
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def _entry(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


class _Pieces(io.RawIOBase):
    """What the zip writes, until it is taken. Not seekable, so that nothing is written twice."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held += data
        return len(data)

    def taken(self) -> Iterator[bytes]:
        if self._held:
            yield bytes(self._held)
            self._held.clear()


def counts(session: Session, me: Person) -> Mapping[str, int]:
    """How many rows of each kind."""
    return {
        one.key: session.scalar(select(func.count()).select_from(one.row).where(one.mine(me))) or 0
        for one in KINDS
    }
