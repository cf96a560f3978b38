"""A process full of buyers: for each line of its input they all want their rights at one moment.

Input: {"at": when, "lines": [order line ids]}. Output: what became of each, as a list of words.
`python buyers.py guarded|naive`
"""

import functools
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from catalog import reservations
from catalog.errors import Refusal
from catalog.uses import Use
from models.base import now_ms, reading, unit_of_work
from models.order import OrderLine
from models.reservation import Reservation, ReservationKind

HELD = "held"
MINUTES_10 = 600_000
AT_ONCE = 16
"""Of them at the database at once; PostgreSQL has a hundred places for all."""


def guarded(line_id: str) -> str:
    with unit_of_work() as session:
        line = session.get_one(OrderLine, line_id)
        until = (session.scalar(select(now_ms())) or 0) + MINUTES_10
        reservations.hold(session, line, until)
    return HELD


def naive(line_id: str) -> str:
    """What one writes first: look whether it is free, then take it."""
    with reading() as session:
        line = session.get_one(OrderLine, line_id)
        clip_id, use = line.listing.clip_id, Use.model_validate(line.use)
        taken = session.scalars(select(Reservation.id).filter_by(clip_id=clip_id)).first()
    if taken:
        raise Refusal("It is taken.", code="on_hold")
    with unit_of_work() as session:
        made = Reservation(
            clip_id=clip_id,
            kind=ReservationKind.HOLD,
            lane=line_id,
            media=use.media_cells,
            territory=use.territory_cells,
            from_ms=0,
            until_ms=1,
            order_line_id=line_id,
        )
        session.add(made)
    return HELD


def tried(how: str, at: float, line_id: str) -> str:
    time.sleep(max(at - time.time(), 0))
    try:
        return (naive if how == "naive" else guarded)(line_id)
    except Refusal as refused:
        return refused.code
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


def main(how: str) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for wish in sys.stdin:
            wanted = json.loads(wish)
            said = pool.map(functools.partial(tried, how, wanted["at"]), wanted["lines"])
            sys.stdout.write(json.dumps(list(said)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
