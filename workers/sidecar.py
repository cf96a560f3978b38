"""What may lie beside a recording: NAME.yml with what the creator says, NAME.chat.jsonl."""

import contextlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline import chat
from pipeline.errors import Refused
from pipeline.kinds import NAMES
from workers.names import clean

BIGGEST = 64 * 1024
BIGGEST_CHAT = 64 * 1024 * 1024
SUFFIXES = (".yml", ".yaml")
CHAT_SUFFIXES = (".chat.jsonl", ".chat.json")


class Sidecar(BaseModel):
    """Every field may be left out; an unknown one is an error, so that a typo is not silence."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str | None = Field(None, min_length=1, max_length=300)
    description: str | None = Field(None, max_length=5000)
    series: str | None = Field(None, max_length=200)
    profile: str | None = Field(None, pattern=rf"^({'|'.join(NAMES)})$")
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    rights_holder: str | None = Field(None, max_length=300)
    releases: list[str] | None = Field(None, max_length=100)
    pool: str | None = Field(None, max_length=200)
    embargo: datetime | date | None = None
    price_hint_cents: int | None = Field(None, ge=0, le=100_000_000)
    price_hint_currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    allow_ai_training: bool | None = None


def beside(recording: Path) -> list[Path]:
    """What lies there for it: its sidecar, its chat log."""
    return [path for path in (sidecar_of(recording), chat_of(recording)) if path]


def is_beside(path: Path) -> bool:
    """By its name: it lies there for a recording and is none."""
    return path.name.lower().endswith((*SUFFIXES, *CHAT_SUFFIXES))


def sidecar_of(recording: Path) -> Path | None:
    """`final.mp4.yml` or `final.yml` beside `final.mp4`."""
    return _first(recording, SUFFIXES)


def chat_of(recording: Path) -> Path | None:
    """`final.chat.jsonl` or `final.chat.json` beside `final.mp4`, or the same after `.mp4`."""
    return _first(recording, CHAT_SUFFIXES)


def _first(recording: Path, suffixes: tuple[str, ...]) -> Path | None:
    for name in (recording.name, recording.stem):
        for suffix in suffixes:
            path = recording.with_name(f"{name}{suffix}")
            with contextlib.suppress(OSError):  # a name so long that none with .yml can be
                if path.is_file() and not path.is_symlink():
                    return path
    return None


def read_all(recording: Path) -> dict[str, Any]:
    """All that lies beside it, ready for a row. Raises Refused, and OSError where it can't be read.

    Of a chat only how lively it was is kept, a value a second: nobody's name, nobody's words.
    """
    beside_it, log = sidecar_of(recording), chat_of(recording)
    facts = read(beside_it) if beside_it else {}
    return {**facts, "chat": list(_chat(log))} if log else facts


def _chat(path: Path) -> tuple[float, ...]:
    name = clean(path.name)
    if path.stat().st_size > BIGGEST_CHAT:
        raise Refused(f"{name}: larger than 64 MB; export the chat of this recording alone.")
    try:
        return chat.stir(path.read_text(encoding="utf-8"))
    except (Refused, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, Refused) else "it is not UTF-8 text"
        raise Refused(
            f"{name}: this is no chat log: {why}. Known are JSON lines with `t` (seconds) or "
            "`time_ms`, and the exports of Twitch and YouTube."
        ) from error


def read(path: Path) -> dict[str, Any]:
    """What it says, ready for a row. Raises Refused: which field, what is wrong."""
    name = clean(path.name)
    values = _loaded(path, name)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise Refused(f"{name}: write `field: value` lines, for example `title: Final match`.")
    try:
        said = Sidecar(**{str(field): value for field, value in values.items()})
    except ValidationError as error:
        raise Refused(_first_error(name, error)) from error
    try:
        return _as_row(said)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{name}: `embargo`: there is no such moment.") from error


def _loaded(path: Path, name: str) -> Any:
    try:
        if path.stat().st_size > BIGGEST:
            raise Refused(
                f"{name}: larger than 64 kB; it holds more than facts about the recording."
            )
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise Refused(
            f"{name}: it can't be read. Change its permissions and drop both again."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: bytes that are no text, a date or number that YAML can't make.
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise Refused(
            f"{name}{where}: this is not valid YAML. Write `field: value` lines."
        ) from error


def _as_row(said: Sidecar) -> dict[str, Any]:
    values = said.model_dump(exclude_none=True, exclude={"embargo"})
    if said.embargo is not None:
        at = said.embargo
        moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)
        moment = moment if moment.tzinfo else moment.astimezone()
        values["embargo_ms"] = int(moment.timestamp() * 1000)
    return values


def _first_error(name: str, error: ValidationError) -> str:
    first = error.errors()[0]
    field = clean(str(first["loc"][0]))[:80] if first["loc"] else "?"
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(Sidecar.model_fields))
        return f"{name}: there is no field `{field}`. Known fields: {known}."
    # YAML's aliases make lists whose text would fill the memory.
    given = first["input"]
    found = "several values" if isinstance(given, list | dict) else f"{given!r:.80}"
    return f"{name}: `{field}`: {first['msg']} (found {found})."
