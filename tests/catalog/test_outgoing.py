"""Calls to addresses that others named reach the public internet alone, and end in time."""

import contextlib
import ipaddress
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from catalog import outgoing
from catalog.errors import BadRequest
from catalog.outgoing import Forbidden, Unreachable
from tests import programs
from tests.programs import LOOPBACK, Program


@pytest.fixture
def program() -> Iterator[Program]:
    with programs.program() as made:
        yield made


def dripping(part: bytes, head: bytes = b"") -> Any:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(head)
            for _ in range(200):
                handler.wfile.write(part)
                handler.wfile.flush()
                time.sleep(0.05)

    return drip


@pytest.mark.parametrize(
    "drip",
    [
        dripping(b"H"),
        dripping(b"X-More: 1\r\n", b"HTTP/1.1 200 OK\r\n"),
        dripping(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        dripping(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_server_that_drips_is_left_in_time(program: Program, drip: Any) -> None:
    program.answers = [drip]
    began = time.monotonic()
    with pytest.raises(Unreachable, match="No whole answer"):
        outgoing.post(program.url, b"{}", {}, networks=LOOPBACK, timeout_s=0.6)
    assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_left_in_time() -> None:
    def hang(host: str, port: int) -> list[str]:
        time.sleep(1.5)
        return ["127.0.0.1"]

    began = time.monotonic()
    with pytest.raises(Unreachable, match="not resolved in time"):
        outgoing.post("https://partner.example/", b"", {}, resolve=hang, timeout_s=0.2)
    assert time.monotonic() - began < 1


PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_not_called(address: str) -> None:
    for found in ([address], ["93.184.216.34", address]):
        with pytest.raises(Forbidden):
            outgoing.post("https://partner.example/", b"", {}, resolve=lambda *_, to=found: to)


def test_names_and_numbers_of_this_machine_are_not_called(program: Program) -> None:
    port = program.url.split(":")[2].split("/")[0]
    for host in ("localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]"):
        for scheme in ("http", "https"):
            with pytest.raises(Unreachable):
                outgoing.post(f"{scheme}://{host}:{port}/", b"", {})
    assert program.got == []


def test_the_address_is_resolved_once_and_pinned(program: Program) -> None:
    """A name that leads elsewhere a moment later changes nothing."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    url = program.url.replace("127.0.0.1", "partner.example")
    answer = outgoing.post(url, b"{}", {}, networks=LOOPBACK, resolve=rebinding)
    assert answer.status == 204
    assert asked == ["partner.example"]
    assert program.got[0][0]["host"].startswith("partner.example:")


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of this name shows, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both = folder / "both.pem"
    both.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(both)
    trusts = ssl.create_default_context(
        cadata=made.public_bytes(serialization.Encoding.PEM).decode()
    )
    return shows, trusts


def test_the_certificate_is_checked_against_the_name_not_the_address(
    program: Program, tmp_path: Path
) -> None:
    shows, trusts = certified(tmp_path, "partner.example")
    program.server.socket = shows.wrap_socket(program.server.socket, server_side=True)
    port = program.server.server_port

    def call(host: str, context: ssl.SSLContext | None) -> outgoing.Answer:
        return outgoing.post(
            f"https://{host}:{port}/",
            b"{}",
            {},
            networks=LOOPBACK,
            resolve=lambda *_: ["127.0.0.1"],
            context=context,
        )

    assert call("partner.example", trusts).status == 204
    with pytest.raises(Unreachable, match="certificate is not valid"):
        call("other.example", trusts)
    with pytest.raises(Unreachable, match="certificate is not valid"):
        call("partner.example", None)


def test_without_https_only_named_networks_are_called() -> None:
    with pytest.raises(Forbidden):
        outgoing.post("http://partner.example/", b"", {}, resolve=lambda *_: ["93.184.216.34"])
    with pytest.raises(Forbidden, match="named private networks"):
        outgoing.post(
            "http://partner.example/",
            b"",
            {},
            networks=LOOPBACK,
            resolve=lambda *_: ["93.184.216.34"],
        )


@given(st.ip_addresses())
def test_no_address_is_allowed_that_python_does_not_call_global(address: Any) -> None:
    if outgoing.allowed(address):
        assert address.is_global or outgoing._wrapped(address) is not None
        assert not address.is_private or outgoing._wrapped(address) is not None
    mapped = ipaddress.ip_address(f"::ffff:{address}") if address.version == 4 else None
    if mapped is not None:
        assert outgoing.allowed(mapped) == outgoing.allowed(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/",
        "ftp://partner.example/",
        "https://",
        "https:///path",
        "https://user:secret@partner.example/",
        "https://partner.example/#part",
        "https://partner.example:0/",
        "https://partner.example:99999/",
        "https://partner.example/\r\nX-Evil: 1",
        "https://partner.example/ö",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://" + "x" * 600,
        "nothing",
    ],
)
def test_an_address_that_can_not_be_meant_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadRequest):
        outgoing.check(url)
