"""Calls to addresses that others named: resolved once, public ones alone, pinned, bounded."""

import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

from catalog.errors import BadRequest

TIMEOUT_S = 10.0
"""For all of it: the name, the connection, the answer to its last byte."""
BIGGEST = 64 * 1024
LONGEST_URL = 500
KEPT = 300
PORTS = {"https": 443, "http": 80}
NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's own service, at a public address
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)
"""Written out, as IANA lists them: what Python calls global changes from release to release."""
PUBLIC_V6 = IPv6Network("2000::/3")
CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""NAT64: the last 32 bits are an IPv4 address."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class Unreachable(Exception):
    """Why there is no answer, for whoever owns the address."""


class Forbidden(Unreachable):
    """The address leads where no call of ours may go."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    """Its first characters."""
    took_ms: int


def resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def check(url: str, networks: Sequence[str] = ()) -> SplitResult:
    """Its form alone; where the name leads is asked at each call. Raises BadRequest."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:  # UnicodeError is one
        raise BadRequest("This address can't be read. It looks like https://HOST/PATH.") from error
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    if not plain or not host or port == 0 or "@" in parts.netloc or parts.fragment:
        raise BadRequest(
            f"This address can't be used: {LONGEST_URL} plain characters at most, with a host, "
            "without a password or a #."
        )
    if parts.scheme not in PORTS or (parts.scheme == "http" and not networks):
        raise BadRequest("The address has to begin with https://.")
    literal = _literal(host)
    if literal is not None and not allowed(literal, networks):
        raise BadRequest("This address is private. Name one that the whole internet can reach.")
    return parts


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    networks: Sequence[str] = (),
    resolve: Resolve = resolved,
    timeout_s: float = TIMEOUT_S,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """Raises Unreachable, and Forbidden for where no call may go. No redirect is followed."""
    began = time.monotonic()
    try:
        parts = check(url, networks)
    except BadRequest as error:
        raise Forbidden(str(error)) from error
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = _address(host, port, parts.scheme, networks, resolve, began + timeout_s)
    connection = _connection(parts, host, port, address, context)
    try:
        status, text = _exchange(connection, parts, body, headers, began + timeout_s)
    finally:
        connection.close()
    return Answer(status, text, round((time.monotonic() - began) * 1000))


def allowed(address: Address, networks: Sequence[str] = ()) -> bool:
    """Public, also where it is wrapped in another; or in a network that the operator named."""
    if any(address in ipaddress.ip_network(one, strict=False) for one in networks):
        return True
    inner = _wrapped(address)
    if inner is not None:
        return allowed(inner, networks)
    listed = any(address in network for network in NEVER)
    routed = address.version == 4 or address in PUBLIC_V6
    return address.is_global and routed and not listed


def _wrapped(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if any(address in carrier for carrier in CARRIERS) or int(address) >> 32 == 0:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _address(
    host: str,
    port: int,
    scheme: str,
    networks: Sequence[str],
    resolve: Resolve,
    until: float,
) -> str:
    """The one that the connection is pinned to; a name with one bad address is bad altogether."""
    names = _in_time(lambda: resolve(host, port), until)
    found = [_literal(name) for name in names]
    if not found:
        raise Unreachable(f"{host} has no address.")
    for one in found:
        if one is None or not allowed(one, networks):
            raise Forbidden(f"{host} leads to a private address, so nothing was sent.")
        if scheme == "http" and not _inside(one, networks):
            raise Forbidden("Without https:// only named private networks are called.")
    return str(names[0])


def _inside(address: Address, networks: Sequence[str]) -> bool:
    return any(address in ipaddress.ip_network(one, strict=False) for one in networks)


def _in_time(ask: Callable[[], Sequence[str]], until: float) -> Sequence[str]:
    """A resolver has no time limit of its own: one that does not answer is left alone."""
    told: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            told.put(ask())
        except Exception as error:
            told.put(error)

    threading.Thread(target=run, daemon=True, name="resolve").start()
    try:
        answer = told.get(timeout=max(until - time.monotonic(), 0.01))
    except queue.Empty:
        raise Unreachable("The name was not resolved in time.") from None
    if isinstance(answer, Exception):
        raise Unreachable("The name can't be resolved.") from answer
    return answer


class _Pinned(http.client.HTTPSConnection):
    """To this address, whatever the name leads to by now; certificate and Host are the name's."""

    address = ""
    secure = True
    tls: ssl.SSLContext

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.secure:  # the handshake comes after: it may be cut off as well
            self.sock = self.tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()


def _connection(
    parts: SplitResult, host: str, port: int, address: str, context: ssl.SSLContext | None
) -> _Pinned:
    tls = context or ssl.create_default_context()
    made = _Pinned(host, port, context=tls)
    made.address, made.secure, made.tls = address, parts.scheme == "https", tls
    made.default_port = PORTS[parts.scheme]  # a Host header names other ports alone
    return made


def _exchange(
    connection: _Pinned, parts: SplitResult, body: bytes, headers: dict[str, str], until: float
) -> tuple[int, str]:
    """The socket's own limit is for each read alone; a timer ends what drips."""
    left_s = max(until - time.monotonic(), 0.01)
    connection.timeout = left_s
    ended = threading.Event()
    watch = threading.Timer(left_s, _cut, (connection, ended))
    watch.daemon = True
    watch.start()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"User-Agent": "Reelyard", **headers})
        answer = connection.getresponse()
        text = answer.read(BIGGEST)[: 4 * KEPT]
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(_told(error, timed_out=ended.is_set())) from error
    finally:
        watch.cancel()
    if ended.is_set():
        raise Unreachable(_told(TimeoutError(), timed_out=True))
    return answer.status, text.decode("utf-8", "replace")[:KEPT]


def _cut(connection: _Pinned, ended: threading.Event) -> None:
    ended.set()
    connected = connection.sock
    if connected is not None:
        with contextlib.suppress(OSError):  # closed by itself meanwhile
            connected.shutdown(socket.SHUT_RDWR)


def _told(error: Exception, *, timed_out: bool) -> str:
    if timed_out or isinstance(error, TimeoutError):
        return f"No whole answer within {TIMEOUT_S:g} s."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "The secure connection failed."
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused."
    return f"The connection failed ({type(error).__name__})."
