"""The doors that stored files leave by. What is there for pages and data (packing, tags, cookies,
forms) has nothing to do here, so these requests do not pass it: see catalog.app for the order.
"""

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from catalog import answers, media
from catalog.web import deliveries
from catalog.web.sending import send as sent
from catalog.web.visitors import visitor
from models.base import reading


def show(request: Request) -> Response:
    who, asked = visitor(request), (request.path_params["asset_id"], request.path_params["name"])
    asset = media.public(*asked)
    if asset is not None:
        return sent(request, asset)
    with reading() as session:
        asset = media.get(session, who, *asked)
    return sent(request, asset, private=True)  # what opened early, or to few, may close again


ROUTES = [  # for GET and HEAD
    Route("/media/{asset_id}/{name}", show),
    Route("/deliveries/{license_id}/{asset_id}/{name}", deliveries.deliver),
]
DOORS = ("/media/", "/deliveries/")


class Files:
    def __init__(self, app: ASGIApp) -> None:
        told = {kind: tells for kind, tells in answers.HANDLERS.items() if kind is not Exception}
        routes = Router(ROUTES, redirect_slashes=False)
        self.app, self.files = app, ExceptionMiddleware(routes, told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(DOORS)
        await (self.files if ours else self.app)(scope, receive, send)
