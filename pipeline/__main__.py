"""`python -m pipeline analyse FILE`: the media part alone, from a file to JSON, no database."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import MediaError
from pipeline.timeline import Span


def main(words: list[str] | None = None) -> int:
    """0: done; 1: a part failed; 2: the file can't be analysed. Why is one line on stderr."""
    asked = _parser().parse_args(words)
    try:
        found = analyse(asked.file, full=asked.full, speech=asked.speech)
    except MediaError as error:
        return _complain(asked.file, str(error), 1 if error.retry else 2)
    except OSError as error:
        return _complain(asked.file, error.strerror or "it can't be read", 2)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    if asked.json is None:
        sys.stdout.write(text + "\n")
        return 0
    try:
        asked.json.write_text(text + "\n")
    except OSError as error:
        return _complain(asked.json, error.strerror or "it can't be written", 2)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline", description="Media work without a database."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
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
        "--json", type=Path, metavar="OUT", help="write to this file, not to standard output"
    )
    return parser


def analyse(path: Path, *, full: bool = False, speech: str = "auto") -> dict[str, Any]:
    """Times are seconds. "cuts" is empty without `full`: the scout decodes no picture in full."""
    from pipeline.probe import probe
    from pipeline.scout import scout

    about = probe(path)
    found = scout(path)
    cuts: tuple[int, ...] = ()
    if full and about.video is not None:
        from pipeline.shots import cuts_in

        cuts = cuts_in(path)
    return {
        "duration_ms": about.duration_ms,
        "cuts": [_s(cut) for cut in cuts],
        "highlights": [
            {**_between(one.span), "score": one.score, "reasons": one.reasons}
            for one in found.highlights
            if one.chosen
        ],
        "segments": _segments(path, about.audio.index, found.speech, speech) if about.audio else [],
    }


def _segments(path: Path, track: int, spans: tuple[Span, ...], engine: str) -> list[dict[str, Any]]:
    if engine == "none":
        return []
    from pipeline.audio import decode_pcm
    from pipeline.transcribe import transcribe

    said = transcribe(decode_pcm(path, audio_index=track), spans, engine=engine)
    return [
        {"start": _s(one.start_ms), "end": _s(one.end_ms), "text": one.text}
        for one in said.segments
    ]


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
