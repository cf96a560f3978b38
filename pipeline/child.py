"""`python -m pipeline.child TASK`: what pipeline.sandbox starts. One request in, JSON lines out."""

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import MediaError, Refused
from pipeline.sandbox import confine

Progress = Callable[[float], None]


def main(task: str) -> int:
    message = json.loads(sys.stdin.buffer.read())
    confine(message["limits"], message["reads"], message["writes"])
    try:
        answer = {"ok": TASKS[task](message["request"], _reporter())}
    except Refused as error:
        answer = {"refused": str(error)}
    except MediaError as error:
        traceback.print_exc()
        answer = {"failed": str(error)}
    except Exception as error:
        traceback.print_exc()
        answer = {"failed": f"the media could not be processed ({type(error).__name__})"}
    _say(answer)
    return 0


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _reporter() -> Progress:
    """At most four lines a second."""
    last = 0.0

    def report(done: float) -> None:
        nonlocal last
        if time.monotonic() - last > 0.25:
            last = time.monotonic()
            _say({"progress": round(min(1.0, done), 4)})

    return report


def _probe(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.probe import probe

    return probe(Path(request["source"])).as_dict()


def _scout(request: dict[str, Any], progress: Progress) -> Any:
    from dataclasses import asdict

    from pipeline.scout import Asked, scout

    values = request["asked"]
    asked = Asked(**{**values, "chat": tuple(values["chat"])})
    found = scout(
        Path(request["source"]), asked, listener=_listener(request, progress), progress=progress
    )
    return asdict(found)


def _listener(request: dict[str, Any], progress: Progress) -> Any:
    """Hears the best places of a recording in which words count; None without an engine."""
    from pipeline.kinds import Profile
    from pipeline.listening import WORTH_WORDS, windows, words_of
    from pipeline.timeline import Segment, Span

    if request["speech"] == "none":
        return None

    def listen(
        speech: Sequence[Span], ranked: Sequence[Span], profile: Profile
    ) -> tuple[list[Segment], str]:
        if profile.weights["cue words"] < WORTH_WORDS:
            return [], ""
        progress(0.99)
        places = windows(speech, ranked, speech[-1].end_ms) if speech else []
        return words_of(
            Path(request["source"]),
            places,
            speech,
            engine=request["speech"],
            model=request["speech_model"],
            language=request["asked"]["language"],
        )

    return listen


def _clip(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.clips import Wanted, make
    from pipeline.probe import Probe
    from pipeline.timeline import Span

    values = dict(request["wanted"])
    values["moment"] = Span(**values["moment"])
    about = Probe.from_dict(request["probe"])
    folder = Path(request["folder"])
    return make(Path(request["source"]), about, Wanted(**values), folder, progress).as_dict()


def _chunk(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.probe import Probe
    from pipeline.timeline import Span
    from pipeline.transcode import encode_chunk

    made = encode_chunk(
        Path(request["source"]),
        Probe.from_dict(request["probe"]),
        Span(**request["span"]),
        Path(request["folder"]),
        progress,
    )
    return made._asdict()


def _audio(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.probe import Probe
    from pipeline.transcode import encode_audio

    about = Probe.from_dict(request["probe"])
    return encode_audio(Path(request["source"]), about, Path(request["folder"]), progress)


def _previews(request: dict[str, Any], progress: Progress) -> Any:
    """Of a clip that has none; its poster too, where that is larger than posters are now."""
    from pipeline.previews import make
    from pipeline.stills import shrink

    source, folder = Path(request["source"]), Path(request["folder"])
    files = make(source, folder, peak_ms=request["peak_ms"], progress=progress)
    poster = folder / "poster.jpg"
    if request["poster"] and shrink(Path(request["poster"]), poster):
        files["poster"] = str(poster)
    return files


def _reel(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.reel import make

    parts = [Path(part) for part in request["parts"]]
    return make(parts, request["best"], Path(request["folder"]), progress).as_dict()


def _verify(request: dict[str, Any], progress: Progress) -> Any:
    from pipeline.provenance.told import told

    return told(Path(request["source"]), request["anchors"])


TASKS: dict[str, Callable[[dict[str, Any], Progress], Any]] = {
    "probe": _probe,
    "scout": _scout,
    "clip": _clip,
    "chunk": _chunk,
    "audio": _audio,
    "verify": _verify,
    "previews": _previews,
    "reel": _reel,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
