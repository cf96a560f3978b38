"""`python -m pipeline analyse FILE`: the media part alone, from a file to JSON, no database."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import MediaError
from pipeline.kinds import AUTO, NAMES, Profile
from pipeline.timeline import Segment, Span

if TYPE_CHECKING:
    from pipeline.scout import Listener


def main(words: list[str] | None = None) -> int:
    """0: done; 1: a part failed; 2: the file can't be analysed. Why is one line on stderr."""
    asked = _parser().parse_args(words)
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
    return parser


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
