"""Webhooks arrive signed, are tried again as long as it says, and are their owner's alone."""

import contextlib
import json
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from catalog import hooks, listings, pools
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.job import Job, JobState
from models.license import License, LicenseState
from models.listing import Listing
from models.mail import Mail
from models.pool import Hook, HookMessage
from tests import factories, license_factories, pool_factories
from tests.pool_factories import run_light, visitor
from tests.programs import Program
from workers import hooks as telling

DAY_MS = 86_400_000


def subscribed(program: Program, *kinds: str) -> tuple[str, str, str]:
    """Pool, account and hook of a partner; the pool takes everything."""
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        account_id = pool_factories.partner(session, pool)
        hook = pool_factories.hook(session, pool, account_id, program.url, *kinds)
        return pool.id, account_id, hook.id


def pia() -> Visitor:
    """As a reader: it is asked for in the middle of changes."""
    with reading() as session:
        row = session.scalars(select(Account).filter_by(email="pia@partner.example")).one()
        return Visitor(account_id=row.id, email=row.email, roles=frozenset(row.roles))


def messages() -> list[HookMessage]:
    with reading() as session:
        return list(session.scalars(select(HookMessage).order_by(HookMessage.created_ms)))


def the_hook() -> Hook:
    with reading() as session:
        return session.scalars(select(Hook)).one()


def let_time_pass() -> int:
    """What waits is due now; answers how long it would have waited."""
    with unit_of_work() as session:
        now = pools.now(session)
        job = session.scalars(
            select(Job).where(Job.step == "hook", Job.state == JobState.READY)
        ).one()
        waited = job.run_after_ms - now
        job.run_after_ms = now - 1
    return waited


def test_the_real_client_verifies_what_arrives(room: Path, program: Program) -> None:
    subscribed(program)
    with unit_of_work() as session:
        listing = factories.listing(session, title="Gôal — “late”")
    run_light("route", "hook")
    [(headers, body)] = program.got
    told = Webhook(the_hook().secret).verify(body, headers)
    assert told["type"] == "clip.added"
    assert told["data"]["clip"]["listing_id"] == listing.id
    assert told["data"]["clip"]["title"] == "Gôal — “late”"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == program.url.split("/")[2]
    with pytest.raises(WebhookVerificationError):
        Webhook(the_hook().secret).verify(body.replace(b"late", b"Late"), headers)
    [message] = messages()
    assert message.id == headers["webhook-id"]
    assert message.delivered_ms is not None
    assert [one["status"] for one in message.tries] == [204]


def test_each_thing_that_happens_is_told_to_those_who_asked(room: Path, program: Program) -> None:
    pool_id, account_id, _ = subscribed(program)
    with unit_of_work() as session:
        listing = factories.listing(session)
    run_light("route", "hook")
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "a test")
    run_light("route", "hook")
    with unit_of_work() as session:
        listings.restore(session, listing.clip_id, "a test")
    run_light("route", "hook")
    staff = visitor("sam@house.example", Role.STAFF)
    with unit_of_work() as session:
        slug = session.get_one(pools.Pool, pool_id).slug
        pools.take_out(session, staff, slug, listing.id)
        hooks.revoked(session, revoked(session, listing.id, account_id))
        hooks.revoked(session, revoked(session, listing.id, None))
    run_light("hook")
    told = [json.loads(body)["type"] for _, body in program.got]
    assert told == [
        "clip.added",
        "clip.withdrawn",
        "clip.added",
        "clip.removed",
        "license.revoked",
    ]


def revoked(session: Session, listing_id: str, account_id: str | None) -> License:
    listing = session.get_one(Listing, listing_id)
    return license_factories.license(
        session,
        listing,
        account_id=account_id,
        state=LicenseState.REVOKED,
        revoked_why="refunded",
    )


def test_only_kinds_that_were_asked_for_are_told(room: Path, program: Program) -> None:
    subscribed(program, "clip.withdrawn")
    with unit_of_work() as session:
        listing = factories.listing(session)
    run_light("route", "hook")
    assert program.got == []
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "a test")
    run_light("route", "hook")
    assert len(program.got) == 1


def test_nothing_is_told_before_the_embargo_ends_nor_of_what_nobody_heard_of(
    room: Path, program: Program
) -> None:
    pool_id, _, _ = subscribed(program)
    with unit_of_work() as session:
        session.get_one(pools.Pool, pool_id).embargo_ms = DAY_MS
        listing = factories.listing(session)
    run_light("route", "hook")
    assert program.got == []
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "a test")
    run_light("route", "hook")
    assert let_time_pass() == pytest.approx(DAY_MS, abs=60_000)
    run_light("hook")
    assert program.got == []
    [message] = messages()
    assert message.given_up_ms is not None
    assert message.tries[-1]["answer"] == "The clip left the pool before this was sent."


def test_what_is_not_taken_is_tried_again_ever_more_slowly_then_given_up(
    room: Path, program: Program
) -> None:
    subscribed(program)
    program.answers = [500] * 20
    with unit_of_work() as session:
        factories.listing(session)
    run_light("route", "hook")
    waits = []
    while messages()[0].given_up_ms is None:
        waits.append(let_time_pass())
        run_light("hook")
    minute, hour = 60_000, 3_600_000
    expected = (5_000, 30_000, 2 * minute, 15 * minute, hour, 4 * hour, 12 * hour, 24 * hour)
    assert waits == [pytest.approx(wait, abs=3_000) for wait in expected]
    [message] = messages()
    assert [one["status"] for one in message.tries] == [500] * 9
    assert len({headers["webhook-id"] for headers, _ in program.got}) == 1
    with reading() as session:
        job = session.scalars(select(Job).where(Job.step == "hook")).one()
    assert (job.state, job.attempt) == (JobState.DONE, 0)


def test_a_try_that_is_taken_ends_the_waiting_and_the_failing(room: Path, program: Program) -> None:
    subscribed(program)
    program.answers = [503]
    with unit_of_work() as session:
        factories.listing(session)
    run_light("route", "hook")
    assert the_hook().failing_ms is not None
    let_time_pass()
    run_light("hook")
    assert [one["status"] for one in messages()[0].tries] == [503, 204]
    assert the_hook().failing_ms is None


def test_gone_switches_the_webhook_off_and_tells_its_owner(room: Path, program: Program) -> None:
    subscribed(program)
    program.answers = [410]
    with unit_of_work() as session:
        factories.listing(session)
    run_light("route", "hook")
    assert the_hook().disabled_why == "Its address answered that it is gone (410)."
    with reading() as session:
        [mail] = session.scalars(select(Mail)).all()
    assert mail.to == "pia@partner.example"
    assert program.url.split("?")[0] in mail.text
    with unit_of_work() as session:
        factories.listing(session)
    run_light("route", "hook")
    assert len(program.got) == 1


def test_five_days_without_a_taken_message_switch_it_off(room: Path, program: Program) -> None:
    subscribed(program)
    program.answers = [500] * 2
    with unit_of_work() as session:
        hook = session.scalars(select(Hook)).one()
        hook.failing_ms = pools.now(session) - telling.FAILING_MS
        factories.listing(session)
    run_light("route", "hook")
    assert the_hook().disabled_why == "No message was taken for five days."
    with reading() as session:
        assert len(session.scalars(select(Mail)).all()) == 1
    let_time_pass()
    run_light("hook")
    assert len(program.got) == 1
    assert messages()[0].tries[-1]["answer"] == "The webhook is off."


def test_a_message_can_be_sent_again_with_its_id(room: Path, program: Program) -> None:
    subscribed(program)
    with unit_of_work() as session:
        factories.listing(session)
    run_light("route", "hook")
    [message] = messages()
    with unit_of_work() as session:
        hooks.redeliver(session, pia(), message.id)
    with unit_of_work() as session, pytest.raises(Refusal, match="still being tried"):
        hooks.redeliver(session, pia(), message.id)
    run_light("hook")
    ids = [headers["webhook-id"] for headers, _ in program.got]
    assert ids == [message.id, message.id]
    assert [(one["round"], one["status"]) for one in messages()[0].tries] == [(0, 204), (1, 204)]


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(room: Path, program: Program) -> None:
    subscribed(program)
    old = the_hook().secret
    with unit_of_work() as session:
        hooks.rotate(session, pia(), the_hook().id)
        hooks.ping(session, pia(), the_hook().id)
    run_light("hook")
    new = the_hook().secret
    assert new != old
    headers, body = program.got[-1]
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)["type"] == "ping"
    with unit_of_work() as session:
        session.scalars(select(Hook)).one().old_until_ms = 1
        hooks.ping(session, pia(), the_hook().id)
    run_light("hook")
    headers, body = program.got[-1]
    assert Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)


def test_a_webhook_is_its_owners_and_staffs_alone(room: Path, program: Program) -> None:
    subscribed(program)
    owner, hook_id = pia(), the_hook().id
    with unit_of_work() as session:
        message_id = hooks.ping(session, owner, hook_id).id
    other = visitor("ben@example.org", Role.PARTNER)
    for act in (hooks.get, hooks.rotate, hooks.disable, hooks.enable, hooks.ping, hooks.messages):
        with unit_of_work() as session, pytest.raises(NotFound):
            act(session, other, hook_id)
    with unit_of_work() as session, pytest.raises(NotFound):
        hooks.redeliver(session, other, message_id)
    with reading() as session:
        assert hooks.get(session, visitor("sam@house.example", Role.STAFF), hook_id)


def test_redirects_are_not_followed(room: Path, program: Program) -> None:
    subscribed(program)
    program.answers = [302]
    with unit_of_work() as session:
        hooks.ping(session, pia(), the_hook().id)
    run_light("hook")
    [tried] = messages()[0].tries
    assert tried["status"] == 302
    assert tried["answer"].startswith("Redirects are not followed.")


def test_an_answer_is_kept_in_short_and_without_signs_that_can_not_be_seen(
    room: Path, program: Program
) -> None:
    def chatty(handler: BaseHTTPRequestHandler) -> None:
        body = ("<script>\x00\u202e" + "x" * 5_000_000).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)

    subscribed(program)
    program.answers = [chatty]
    with unit_of_work() as session:
        hooks.ping(session, pia(), the_hook().id)
    run_light("hook")
    [message] = messages()
    assert message.delivered_ms is not None
    assert message.tries[0]["answer"].startswith("<script>xxx")
    assert len(message.tries[0]["answer"]) <= 300


def test_a_refused_connection_is_a_try_like_any_other(room: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        account_id = pool_factories.partner(session, pool)
        hook = pool_factories.hook(session, pool, account_id, f"http://127.0.0.1:{port}/")
    with unit_of_work() as session:
        hooks.ping(session, pia(), hook.id)
    run_light("hook")
    [tried] = messages()[0].tries
    assert (tried["status"], tried["answer"]) == (None, "The connection was refused.")


def test_hooks_want_known_kinds_and_are_ten_at_most(database: Path) -> None:
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        pool_factories.partner(session, pool)
    url = "https://partner.example/in"
    for kinds in ([], ["clip.deleted"], ["clip.added", "ping"]):
        with unit_of_work() as session, pytest.raises(BadRequest):
            hooks.subscribe(session, pia(), pool, url, kinds)
    with unit_of_work() as session:
        for _ in range(hooks.MOST_HOOKS):
            made = hooks.subscribe(session, pia(), pool, url, ["clip.added"])
            assert made.secret.startswith("whsec_")
        with pytest.raises(Refusal):
            hooks.subscribe(session, pia(), pool, url, ["clip.added"])
