"""Kinds of problems that an answer may tell (RFC 9457), each with a page that explains it."""

from dataclasses import dataclass

from catalog.refusals import REFUSALS
from models.settings import settings


@dataclass(frozen=True)
class Kind:
    """`code`: the word in the answer's `code` of a refusal, where it has one."""

    name: str
    status: int
    title: str
    means: str
    do: str


_PLAIN = (
    Kind(
        "unreadable",
        400,
        "This request can't be answered",
        "Something in the address or the form is not what this place takes.",
        "Read `detail`: it names the part. Send the request again once that is right.",
    ),
    Kind(
        "sign-in-needed",
        401,
        "Sign in first",
        "The request came without a token, or with one that is unknown, expired or revoked.",
        "Make a token under Account, and send it as `Authorization: Bearer TOKEN`.",
    ),
    Kind(
        "scope-needed",
        403,
        "This token may not do that",
        "The token is good, but it was made for other things.",
        "`detail` names the scope. Make a new token that has it; a token's scopes never change.",
    ),
    Kind(
        "not-found",
        404,
        "There is no such page",
        "Nothing is at this address, or nothing that you may see: the answer is the same for both.",
        "Check the id. A clip that is no longer on sale, or not yet, is not found either.",
    ),
    Kind(
        "method",
        405,
        "This address does not take that kind of request",
        "The address exists, but not for this method.",
        "The `Allow` header names the methods that it takes.",
    ),
    Kind(
        "too-slow",
        408,
        "The request took too long to arrive",
        "The body did not arrive in time, so the server stopped waiting. Nothing was changed.",
        "Send it again over a connection that holds.",
    ),
    Kind(
        "refused",
        409,
        "That was not done",
        "The request was understood, but does not fit how things stand. Nothing was changed.",
        "Read `detail`, and `code` where there is one; then ask again for what can be done.",
    ),
    Kind(
        "changed",
        412,
        "It has changed in the meantime",
        "`If-Match` named another state than the present one: somebody else was quicker.",
        "Read it again, look at what is new, and send your change with the new `ETag`.",
    ),
    Kind(
        "too-large",
        413,
        "This is too large",
        "The body has more bytes than this address takes. Nothing of it was kept.",
        "`most_bytes` says how many it takes. Send less at once.",
    ),
    Kind(
        "address-too-long",
        414,
        "This address is too long",
        "The path and query are longer than any address of ours.",
        "Ask for less at once; search words are cut at 200 characters anyway.",
    ),
    Kind(
        "media-type",
        415,
        "This kind of body can't be read here",
        "The body's `Content-Type` is not one that this address takes.",
        "Send JSON, with `Content-Type: application/json`.",
    ),
    Kind(
        "range",
        416,
        "This part of the file can't be sent",
        "The range lies outside of the file, or there is more than one.",
        "Ask for one range in each request; `Content-Range` says how long the file is.",
    ),
    Kind(
        "invalid",
        422,
        "Part of this request can't be read",
        "A field is missing, of another kind, or outside of what is allowed.",
        "`errors` names each field and what is wrong with it. Nothing was changed.",
    ),
    Kind(
        "too-often",
        429,
        "That was too often",
        "There is a limit to how often this may be done, and it was reached.",
        "Wait for as many seconds as `Retry-After` says.",
    ),
    Kind(
        "headers-too-long",
        431,
        "These headers are too long",
        "One header, or all of them together, are longer than any client of ours sends.",
        "Send fewer or shorter headers; ask for one range at a time.",
    ),
    Kind(
        "failed",
        500,
        "This page failed",
        "The fault is on this side and is in the log.",
        "Trying again may help. Look first whether what you asked for took place.",
    ),
    Kind(
        "unreachable",
        503,
        "Reelyard can't reach its files just now",
        "The database or the file store does not answer. Nothing is lost.",
        "Wait for as many seconds as `Retry-After` says, and send the same request again.",
    ),
)
_CODES = (
    Kind(
        "idempotency_key_unreadable",
        400,
        "This Idempotency-Key can't be used",
        "A key has 16 to 200 visible characters, and belongs to an account or a guest.",
        "Make a new random key (a UUID will do), and send a token or the guest's cookie with it.",
    ),
    Kind(
        "idempotency_key_in_use",
        409,
        "The first request with this key is still being answered",
        "Two requests came with the same key, and the first has not ended.",
        "Send it again after `Retry-After` seconds. Where this stays so, the first one was cut "
        "off: look whether it took place before you use another key.",
    ),
    Kind(
        "idempotency_key_reused",
        422,
        "This key was used for another request",
        "An Idempotency-Key stands for one request. This one came with another body or address.",
        "Use a new key for a new request.",
    ),
    Kind(
        "idempotency_key_failed",
        500,
        "The first request with this key failed",
        "It was begun and then failed on this side, so nothing is done a second time by itself.",
        "Look whether it took place. If it did not, send it with a new key.",
    ),
)
_REFUSED = tuple(Kind(code, 409, *words) for code, words in REFUSALS.items())
KINDS = {kind.name: kind for kind in (*_PLAIN, *_CODES, *_REFUSED)}
BY_STATUS = {kind.status: kind for kind in _PLAIN}


def kind_of(status: int, code: str = "") -> Kind:
    """By its code where that is known, else by its status."""
    if code in KINDS:
        return KINDS[code]
    return BY_STATUS.get(status) or BY_STATUS[500 if status >= 500 else 400]


def address(kind: Kind) -> str:
    return f"{settings().base_url}/problems/{kind.name}"
