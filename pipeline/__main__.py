"""The media part alone, from a file to JSON, no database: `python -m pipeline analyse FILE`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import MediaError
from pipeline.kinds import AUTO, NAMES, Profile
from pipeline.sandbox import Limits
from pipeline.timeline import Segment, Span

if TYPE_CHECKING:
    from pipeline.scout import Listener

VERIFY = Limits(memory_mb=2048, cpu_s=60, wall_s=60, file_mb=1, open_files=64, nice=5)
"""To read a manifest, of whoever made it, in a file of up to a few gigabytes."""


def main(words: list[str] | None = None) -> int:
    """0: done; 1: a part failed; 2: the file can't be analysed. Why is one line on stderr."""
    asked = _parser().parse_args(words)
    if asked.command == "verify":
        return _verify(asked)
    # Its matrices are small: more threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        found = analyse(
            asked.file,
            full=asked.full,
            speech=asked.speech,
            model=asked.speech_model,
            profile=asked.profile,
        )
    except MediaError as error:
        return _complain(asked.file, str(error), 1 if error.retry else 2)
    except OSError as error:
        return _complain(asked.file, error.strerror or "it can't be read", 2)
    if asked.json is None:
        return _print(found)
    try:
        asked.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        return _complain(asked.json, error.strerror or "it can't be written", 2)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline", description="Media work without a database."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    one = commands.add_parser("analyse", help="find a recording's highlights, shots and words")
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--full", action="store_true", help="decode every frame and find every shot")
    one.add_argument(
        "--speech",
        default="auto",
        metavar="none|auto|NAME",
        help="the speech engine; default: %(default)s",
    )
    one.add_argument(
        "--speech-model", default="small", metavar="FOLDER", help="where whisper's model lies"
    )
    one.add_argument(
        "--profile",
        default=AUTO,
        choices=NAMES,
        help="what kind of recording it is; default: %(default)s",
    )
    one.add_argument(
        "--json", type=Path, metavar="OUT", help="write to this file, not to standard output"
    )
    other = commands.add_parser("verify", help="read a file's signed manifest, in a child apart")
    other.add_argument("file", type=Path, metavar="FILE")
    other.add_argument(
        "--anchors",
        type=Path,
        action="append",
        default=[],
        metavar="PEM",
        help="roots that are trusted; may be repeated",
    )
    other.add_argument("--json", action="store_true", help="all that it says, as JSON")
    return parser


def _verify(asked: argparse.Namespace) -> int:
    """Also 0 for a file that is not to be trusted: the verdict says so."""
    from pipeline import sandbox

    if not asked.file.is_file():
        return _complain(asked.file, "there is no such file", 2)
    try:
        roots = "".join(pem.read_text() for pem in asked.anchors)
        said = sandbox.run(
            "verify",
            {"source": str(asked.file.absolute()), "anchors": roots},
            limits=VERIFY,
            reads=[asked.file.absolute()],
        )
    except MediaError as error:
        return _complain(asked.file, str(error), 1 if error.retry else 2)
    except (OSError, ValueError) as error:
        return _complain(asked.file, f"the roots can't be read: {error}", 2)
    if asked.json:
        return _print(said)
    sys.stdout.write("; ".join([said["state"], *said["problems"]]) + "\n")
    return 0


def _print(found: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


def analyse(
    path: Path,
    *,
    full: bool = False,
    speech: str = "auto",
    model: str = "small",
    profile: str = AUTO,
) -> dict[str, Any]:
    """Times are seconds. "cuts" and "pictures" (a dict a second, pictures.PARTS) are empty without
    `full`: the scout decodes no picture in full."""
    from pipeline.probe import probe
    from pipeline.scout import Asked, scout

    about = probe(path)
    listener = None
    if about.audio is not None and speech != "none":
        listener = _listener(path, about.audio.index, speech, model)
    found = scout(path, Asked(profile=profile), listener=listener)
    cuts: list[int] = []
    seconds: list[dict[str, float]] = []
    if full and about.video is not None:
        from pipeline.pictures import look

        cuts, seconds = look(path, about=about)
    return {
        "duration_ms": about.duration_ms,
        "profile": found.profile,
        "cuts": [_s(cut) for cut in cuts],
        "pictures": seconds,
        "highlights": [
            {**_between(one.span), "score": one.score, "reasons": one.reasons}
            for one in found.highlights()
            if one.chosen
        ],
        "segments": [
            {"start": _s(one.start_ms), "end": _s(one.end_ms), "text": one.text}
            for one in found.segments
        ],
    }


def _listener(path: Path, track: int, engine: str, model: str) -> "Listener":
    """Hears all of it: who asks for one file's words wants them all."""
    from pipeline.listening import words_of

    def listen(
        speech: Sequence[Span], ranked: Sequence[Span], profile: Profile
    ) -> tuple[Sequence[Segment], str]:
        if not speech:
            return [], ""
        whole = [Span(0, speech[-1].end_ms + 1_000)]
        return words_of(path, whole, speech, engine=engine, model=model, audio_index=track)

    return listen


def _between(span: Span) -> dict[str, float]:
    return {"start": _s(span.start_ms), "end": _s(span.end_ms)}


def _s(time_ms: int) -> float:
    return time_ms / 1000


def _complain(path: Path, reason: str, code: int) -> int:
    name = str(path).encode("unicode_escape").decode()
    sys.stderr.write(f"{name}: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
