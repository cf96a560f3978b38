"""The keys that sign licenses: Ed25519, one a year, in a folder of their own.

    KEYS/licenses/published.json   every public key there ever was, as a JWK set; the last one signs
    KEYS/licenses/KID.pem          the private key of the one that signs

A signature is over the document as RFC 8785 writes it, all but the signature's own value.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.storage import sync_folder

KEY_LIFE = timedelta(days=365)
ALGORITHM = "Ed25519"
LARGEST = 2**53 - 1
"""The largest number that every reader of JSON reads alike."""
MOST_BYTES = 1 << 20
Jwk = dict[str, Any]
Signature = Literal["valid", "changed", "unknown key"]


class NotCanonical(ValueError):
    """A value that a license never holds: a fraction, a huge number, half a character."""


def sign(folder: Path, document: dict[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """The document with its signature. Raises NotCanonical, and OSError where no key can be had."""
    key, jwk = _signing(folder, now or datetime.now(UTC))
    about = {"algorithm": ALGORITHM, "key": jwk["kid"]}
    value = _base64(key.sign(canonical(document | {"signature": about})))
    return document | {"signature": about | {"value": value}}


def check(document: dict[str, Any], published: Sequence[Jwk]) -> Signature:
    """Never raises, whatever the document and the keys are."""
    signature = document.get("signature")
    if not isinstance(signature, dict):
        return "changed"
    about = {name: signature[name] for name in signature if name != "value"}
    key = next((one for one in published if one.get("kid") == about.get("key")), None)
    if key is None:
        return "unknown key"
    try:
        public = Ed25519PublicKey.from_public_bytes(_unpacked(key.get("x")))
        said = canonical(document | {"signature": about})
        public.verify(_unpacked(signature.get("value")), said)
    except (InvalidSignature, ValueError):
        return "changed"
    return "valid"


def published(folder: Path) -> list[Jwk]:
    """Oldest first; none where nothing was ever signed here."""
    try:
        return jwks((folder / "published.json").read_bytes())
    except FileNotFoundError:
        return []


def jwks(text: bytes) -> list[Jwk]:
    """The Ed25519 keys of a JWK set. Raises ValueError where it is none."""
    found = read_json(text)
    listed = found.get("keys")
    if not isinstance(listed, list):
        raise ValueError('it has no list named "keys"')
    whole = [one for one in listed if isinstance(one, dict) and isinstance(one.get("x"), str)]
    return [one for one in whole if one.get("crv") == ALGORITHM and one.get("kid") == _kid(one)]


def read_json(text: bytes) -> dict[str, Any]:
    """An object in which each name stands once. Raises ValueError."""
    if len(text) > MOST_BYTES:
        raise ValueError("it is too large")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


def canonical(value: Any) -> bytes:
    """As RFC 8785 (JCS) writes it, for what licenses hold: no fractions."""
    try:
        return _written(value).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise NotCanonical("half of a character, or nested too deeply") from error


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int) and abs(value) <= LARGEST:
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        # By UTF-16 code units, as JavaScript sorts.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return f"{{{','.join(f'{_written(name)}:{_written(value[name])}' for name in names)}}}"
    raise NotCanonical(f"{str(value)[:40]!r} has no place in a license")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _signing(folder: Path, now: datetime) -> tuple[Ed25519PrivateKey, Jwk]:
    """Any number of processes may ask at once; they get one key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder / ".lock"):
        known = published(folder)
        newest = known[-1] if known else None
        file = folder / f"{newest['kid']}.pem" if newest else None
        if newest and file and file.exists() and not _is_old(newest, now):
            key = serialization.load_pem_private_key(file.read_bytes(), None)
            if isinstance(key, Ed25519PrivateKey) and _jwk(key, now)["kid"] == newest["kid"]:
                return key, newest
        return _renewed(folder, known, now)


def _renewed(folder: Path, known: list[Jwk], now: datetime) -> tuple[Ed25519PrivateKey, Jwk]:
    """The published set is written last: a crash before leaves a file that nobody names."""
    key = Ed25519PrivateKey.generate()
    jwk = _jwk(key, now)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _put(folder / f"{jwk['kid']}.pem", pem, 0o600)
    text = json.dumps({"keys": [*known, jwk]}, indent=1)
    _put(folder / "published.json", text.encode(), 0o644)
    for old in set(folder.glob("*.pem")) - {folder / f"{jwk['kid']}.pem"}:
        old.unlink()
    return key, jwk


def _is_old(jwk: Jwk, now: datetime) -> bool:
    made = jwk.get("iat")
    return not isinstance(made, int) or now.timestamp() >= made + KEY_LIFE.total_seconds()


def _jwk(key: Ed25519PrivateKey, now: datetime) -> Jwk:
    raw = key.public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": ALGORITHM, "x": _base64(raw)}
    about = {"use": "sig", "alg": ALGORITHM, "iat": int(now.timestamp())}
    return jwk | {"kid": _kid(jwk)} | about


def _kid(jwk: Jwk) -> str:
    """RFC 7638: the key's own thumbprint, so that no name can be given to another key."""
    told = {name: jwk.get(name) for name in ("crv", "kty", "x")}
    try:
        return _base64(hashlib.sha256(canonical(told)).digest())
    except NotCanonical:
        return ""


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpacked(text: object) -> bytes:
    """Raises ValueError also where other letters would mean the same bytes."""
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("no base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64(raw) != text:
        raise ValueError("not the one way to write these bytes")
    return raw


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _put(file: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and on the disk when it returns."""
    tmp = file.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        handle = os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        tmp.replace(file)
        sync_folder(file.parent)
    finally:
        with contextlib.suppress(OSError):
            tmp.unlink(missing_ok=True)
