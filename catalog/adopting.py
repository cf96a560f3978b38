"""What a guest began becomes their account's once they sign in."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.offers import adopting
from models.account import Account
from models.license import License
from models.lightbox import Lightbox
from models.order import Order, OrderLine, OrderState
from models.quote import Quote


def adopt(session: Session, account: Account, guest_hash: str) -> None:
    """What this browser's guest began is the account's now; so is what was bought with its e-mail
    address, once that was verified. Two carts are made one afterwards: see catalog/carts.py.
    """
    if guest_hash:
        adopting.adopt(session, account.id, guest_hash)
        for row in (Quote, Order, Lightbox):
            session.execute(
                update(row)
                .where(row.guest == guest_hash, row.account_id.is_(None))
                .values(account_id=account.id, guest="")
            )
    if account.verified_ms is not None:
        session.execute(
            update(Order)
            .where(
                Order.email == account.email,
                Order.account_id.is_(None),
                Order.state != OrderState.CART,
            )
            .values(account_id=account.id, guest="")
        )
        session.execute(
            update(License)
            .where(License.email == account.email, License.account_id.is_(None))
            .values(account_id=account.id)
        )
    lines = select(OrderLine.id).join(Order).where(Order.account_id == account.id)
    session.execute(
        update(License)
        .where(License.order_line_id.in_(lines), License.account_id.is_(None))
        .values(account_id=account.id)
    )
