"""Which Host headers are ours: no foreign page may reach a local server by DNS rebinding."""

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from models.settings import Settings

ALWAYS = {"localhost"}


class TrustedHosts:
    """Names of this server, and bare addresses, which can't be rebound."""

    def __init__(self, app: ASGIApp, names: set[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not trusted(_host(scope), self.names):
            answer = PlainTextResponse(
                "This server does not answer to that name. Set REELYARD_PUBLIC_URL to it.\n", 400
            )
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def names_of(settings: Settings) -> set[str]:
    named = {urlsplit(settings.public_url).hostname, settings.host, socket.gethostname()}
    return ALWAYS | {name.lower() for name in named if name}


def trusted(host: str, names: set[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host(scope: Scope) -> str:
    found = [value for key, value in scope["headers"] if key == b"host"]
    return found[0].decode("latin-1") if len(found) == 1 else ""
