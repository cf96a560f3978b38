"""The certificate chain that signs clips: the operator's own, or one that is made at first start.

    FOLDER/signer.pem, signer.key, anchors.pem   the operator's (optional; never written here)
    FOLDER/own/anchors.pem                       every root ever made here, to verify clips against
    FOLDER/own/issuer.pem                        intermediate certificate and its key, and its root
    FOLDER/own/signer.pem, signer-SERIAL.key     the leaf's chain, and the key its serial names

C2PA calls a clip invalid once its leaf has expired, unless a time stamp authority was asked. So it
is the key that lives for a year here, not the certificate: a clip verifies for CLIP_LIFE or longer.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.errors import MediaError

KEY_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLIP_LIFE = timedelta(days=15 * 365)
ISSUER_LIFE = timedelta(days=20 * 365)
_CLOCK_SKEW = timedelta(hours=1)
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class ChainBroken(MediaError):
    """Nothing can be signed until the operator mends a file; the text names it."""


@dataclass(frozen=True, slots=True)
class Chain:
    chain_pem: str
    """Leaf first, the root left out."""
    key_path: Path
    anchors_pem: str
    """All roots that clips are verified against, older ones too."""
    subject: str
    not_after: datetime


def ensure_chain(folder: Path, now: datetime | None = None) -> Chain:
    """Load the chain, after making or renewing our own where that is due. Raises ChainBroken.

    Any number of processes may call it at once; they end with one chain.
    """
    now = now or datetime.now(UTC)
    if (folder / "signer.pem").exists() or (folder / "signer.key").exists():
        return _load(folder, folder / "signer.pem", folder / "signer.key", now)
    own = folder / "own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own.mkdir(mode=0o700, exist_ok=True)
        with _locked(own / ".lock"):
            chain_file = own / "signer.pem"
            if _is_due(chain_file, now):
                _renew(own, now)
            return _load(folder, chain_file, _key_file(own, _certificates(chain_file)[0]), now)
    except OSError as error:
        raise ChainBroken(f"The signing folder can't be used: {error.strerror}.") from error


def anchors(folder: Path) -> str:
    """The roots, for a process that only verifies; "" where there are none yet."""
    files = [folder / "anchors.pem", folder / "own" / "anchors.pem"]
    return "".join(_text(file) for file in files if file.exists())


def signing_key(chain: Chain) -> tuple[str, str]:
    """The algorithm as C2PA names it, and the key as PKCS #8 PEM. Raises ChainBroken."""
    key = _private_key(chain.key_path)
    leaf = x509.load_pem_x509_certificate(chain.chain_pem.encode())
    _check_match(key, leaf, chain.key_path)
    return _algorithm(key, chain.key_path), _key_pem(key)


def _is_due(chain_file: Path, now: datetime) -> bool:
    if not chain_file.exists():
        return True
    made = _certificates(chain_file)[0].not_valid_before_utc
    return now >= made + KEY_LIFE - RENEW_BEFORE


def _renew(own: Path, now: datetime) -> None:
    """A new leaf and key. The chain file comes last and names its key: a crash leaves a pair."""
    issuer, root, issuer_key = _issuer(own, now)
    _keep_anchor(own / "anchors.pem", root)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate("signer", key, issuer, issuer_key, now, issuer.not_valid_after_utc)
    chain_file = own / "signer.pem"
    keep = {_key_file(own, leaf)}
    if chain_file.exists():
        # Another process may still hold the chain that is now replaced.
        keep.add(_key_file(own, _certificates(chain_file)[0]))
    _write(_key_file(own, leaf), _key_pem(key), 0o600)
    _write(chain_file, _pem(leaf) + _pem(issuer), 0o644)
    for old in {*own.glob("signer-*.key"), *own.glob(".*.tmp")} - keep:
        old.unlink()


def _issuer(
    own: Path, now: datetime
) -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    file = own / "issuer.pem"
    if file.exists():
        issuer, root = _certificates(file)[:2]
        key = _private_key(file)
        _check_match(key, issuer, file)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        if issuer.not_valid_after_utc - now >= CLIP_LIFE:
            return issuer, root, key
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("root", root_key, None, root_key, now, now + ISSUER_LIFE)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = _certificate("issuer", key, root, root_key, now, now + ISSUER_LIFE, path_length=0)
    # The root's key is dropped here: nobody can ever issue a second intermediate under it.
    _write(file, _pem(issuer) + _pem(root) + _key_pem(key), 0o600)
    return issuer, root, key


def _certificate(
    role: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    not_after: datetime,
    path_length: int | None = None,
) -> x509.Certificate:
    serial = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Reelyard"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Reelyard {role} {serial % 16**8:08x}"),
        ]
    )
    signs = role != "signer"
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement"], False
    ) | {"encipher_only": False, "decipher_only": False}
    builder = (
        x509.CertificateBuilder(name if issuer is None else issuer.subject, name, key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(signs, path_length), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not signs:
        # The one purpose that c2pa 0.91 accepts without a setting on the verifier's side.
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _load(folder: Path, chain_file: Path, key_file: Path, now: datetime) -> Chain:
    found = _certificates(chain_file)
    leaf = found[0]
    for certificate in found:
        _check_dates(certificate, chain_file, now)
    _check_match(_private_key(key_file), leaf, key_file)
    _check_path(found, chain_file, chain_file.with_name("anchors.pem"))
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Chain(
        chain_pem="".join(_pem(one) for one in found if one is leaf or one.issuer != one.subject),
        key_path=key_file,
        anchors_pem=anchors(folder),
        subject=str(names[0].value) if names else leaf.subject.rfc4514_string(),
        not_after=min(one.not_valid_after_utc for one in found),
    )


def _check_dates(certificate: x509.Certificate, file: Path, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        ended = certificate.not_valid_after_utc.date()
        raise ChainBroken(
            f"{file.name} expired on {ended}: put a new chain and its key in the signing folder. "
            "Keep anchors.pem, so that what was signed before can still be checked."
        )
    if now < certificate.not_valid_before_utc:
        begins = certificate.not_valid_before_utc.date()
        raise ChainBroken(f"{file.name} is valid from {begins} only: check this machine's clock.")


def _check_match(key: PrivateKeyTypes, certificate: x509.Certificate, file: Path) -> None:
    if key.public_key() != certificate.public_key():
        raise ChainBroken(
            f"{file.name} is not the key of the first certificate in the chain: "
            "put the key and the chain that belong together in the signing folder."
        )


def _check_path(found: list[x509.Certificate], chain_file: Path, anchors_file: Path) -> None:
    """Each certificate is signed by the next one, and the last by an anchor (or it is one)."""
    for child, parent in pairwise(found):
        if not _issued(child, parent):
            raise ChainBroken(
                f"{chain_file.name} is not in order: the signer's own certificate comes first, "
                "then the one that signed it, and so on."
            )
    roots = _certificates(anchors_file)
    if not any(found[-1] == root or _issued(found[-1], root) for root in roots):
        raise ChainBroken(
            f"{chain_file.name} does not lead to a certificate in {anchors_file.name}: "
            f"put the root of the signer's chain in {anchors_file.name}."
        )


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _algorithm(key: PrivateKeyTypes, file: Path) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise ChainBroken(f"{file.name} is a kind of key that C2PA can't use: take one on P-256.")


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_text(file).encode())
    except ValueError as error:
        raise ChainBroken(f"{file.name} holds no readable PEM certificate. {_MEND}") from error


def _private_key(file: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_text(file).encode(), password=None)
    except TypeError as error:
        raise ChainBroken(f"{file.name} has a passphrase: put it there without one.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ChainBroken(f"{file.name} holds no readable PEM key. {_MEND}") from error


_MEND = (
    "Put it back from a copy; or, where Reelyard made it, take signer.pem (or a damaged issuer.pem "
    "with it) out of the folder own and start again: a new key is made, and with own/anchors.pem "
    "kept older clips still verify."
)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError as error:
        raise ChainBroken(f"{file.name} is missing from the signing folder. {_MEND}") from error
    except OSError as error:
        raise ChainBroken(
            f"{file.name} in the signing folder can't be opened: {error.strerror}."
        ) from error


def _key_file(own: Path, leaf: x509.Certificate) -> Path:
    return own / f"signer-{leaf.serial_number:x}.key"


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _keep_anchor(file: Path, root: x509.Certificate) -> None:
    have = _certificates(file) if file.exists() else []
    if root not in have:
        _write(file, "".join(_pem(one) for one in [*have, root]), 0o644)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(file: Path, text: str, mode: int) -> None:
    """Whole or not at all. The caller holds the lock, so one name for the draft is enough."""
    draft = file.with_name(f".{file.name}.tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
