"""The pages that the `type` of a problem leads to."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog import problems
from catalog.errors import NotFound
from catalog.web.rendering import page

READ = ["GET", "HEAD"]
router = APIRouter(include_in_schema=False)


@router.api_route("/problems", methods=READ)
def index(request: Request) -> Response:
    return page(request, "problems.html", kinds=list(problems.KINDS.values()))


@router.api_route("/problems/{name}", methods=READ)
def one(request: Request, name: str) -> Response:
    if name not in problems.KINDS:
        raise NotFound("There is no problem of that name.")
    return page(request, "problem.html", kind=problems.KINDS[name])
