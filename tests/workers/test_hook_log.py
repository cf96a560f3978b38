"""The log of webhooks: what was settled long ago goes, all else stays."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog import hooks, pools
from models.base import reading, unit_of_work
from models.pool import HookMessage
from tests import pool_factories
from workers import periodic

DAY_MS = 86_400_000


def message(name: str, made: int, **settled: int) -> None:
    """Days ago."""
    with unit_of_work() as session:
        now = pools.now(session)
        days = {"created_ms": made, **settled}
        changed = {key: now - count * DAY_MS for key, count in days.items()}
        wanted = update(HookMessage).where(HookMessage.body == name)
        session.execute(wanted.values(**changed))


def left() -> set[str]:
    with reading() as session:
        return set(session.scalars(select(HookMessage.body)))


@pytest.fixture
def sent(database: Path) -> None:
    names = ("taken", "given up", "lately", "old but just taken", "waiting", "fresh")
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        account_id = pool_factories.partner(session, pool)
        hook = pool_factories.hook(session, pool, account_id, "https://partner.example/in")
        for name in names:
            session.add(HookMessage(id=f"msg_{name}", hook_id=hook.id, kind="ping", body=name))
    message("taken", 100, delivered_ms=91)
    message("given up", 100, given_up_ms=91)
    message("lately", 89, delivered_ms=89)
    message("old but just taken", 200, delivered_ms=1)
    message("waiting", 200)


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_settled_messages_go_after_90_days(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "SWEPT", at_once)
    periodic.forget_old()
    assert left() == {"lately", "old but just taken", "waiting", "fresh"}
