"""Templates to pages."""

import contextvars
import functools
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from catalog import media
from catalog.web import files, linked, words
from catalog.web.header import cart_count, desk_places, own, places, who
from catalog.web.visitors import form_field
from models.settings import settings

TEMPLATES = Path(__file__).parent / "templates"
THEMES = ("light", "dark")
_asked: contextvars.ContextVar[Request] = contextvars.ContextVar("asked")
"""The request that is being answered: a macro knows nothing of its page."""


@functools.cache
def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(words.FILTERS)
    made.globals.update(
        form_field=_form_field,
        places=lambda: places(_asked.get()),
        own_places=lambda: own(_asked.get()),
        desk_places=lambda: desk_places(_asked.get()),
        cart_count=lambda: cart_count(_asked.get()),
        linked_data=linked.linked_data,
        oembed_address=linked.oembed_address,
        static=files.url,
        media_url=media.url,
        with_query=with_query,
        parts=words.parts,
    )
    return made


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    _asked.set(request)
    theme = request.cookies.get("theme")
    text = (
        environment()
        .get_template(name)
        .render(
            context,
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            base_url=settings().base_url,
            theme=theme if theme in THEMES else "",
            visitor=who(request),
        )
    )
    return HTMLResponse(text, status, headers={"Cache-Control": "private, no-cache"})


def _form_field() -> Markup:
    return form_field(_asked.get())


def with_query(path: str, **fields: Any) -> str:
    """The address with these fields, lists repeated, empty ones left out."""
    kept = {name: value for name, value in fields.items() if value}
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path
