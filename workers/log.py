"""The log: text for people or JSON for machines, on standard error or in a file."""

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any, TextIO

import structlog


class _Unfailing:
    """A full disk or a closed pipe loses lines, never the work that wanted to write them."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self.out.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.out.flush()


def set_up(form: str, file: Path | None = None) -> None:
    """`form`: quiet, text or json. Into `file` where a person looks at a progress bar."""
    level = logging.ERROR if form == "quiet" and file is None else logging.INFO
    out: Any = sys.stderr
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        out = file.open("a", encoding="utf-8", buffering=1)
    out = _Unfailing(out)
    logging.basicConfig(stream=out, level=logging.WARNING, format="%(message)s", force=True)
    render: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=file is None and sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def log() -> Any:
    return structlog.get_logger()
