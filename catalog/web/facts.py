"""What the creator and the file say of a recording, as rows of a list."""

from collections.abc import Iterator

from catalog.web import words
from models.recording import Recording

SAID = {
    "description": "Description",
    "series": "Series",
    "language": "Language",
    "rights_holder": "Rights holder",
    "releases": "Releases",
    "pool": "Pool",
}

TAKEN_FOR = {
    "stage": "A recording with an audience",
    "sport": "Sport",
    "talk": "Talk",
    "game": "A game",
}
"""By the profile that set what counts."""


def told(recording: Recording) -> Iterator[tuple[str, str]]:
    probe = recording.probe or {}
    video, audio = probe.get("video"), probe.get("audio")
    if probe:
        yield "Picture", _picture(video) if video else "None"
        yield "Sound", _sound(audio) if audio else "None"
    if recording.analysis and recording.analysis.profile in TAKEN_FOR:
        yield "Taken for", TAKEN_FOR[recording.analysis.profile]
    said = recording.sidecar
    for name, label in SAID.items():
        if said.get(name):
            value = said[name]
            yield label, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if said.get("embargo_ms"):
        yield "Embargo until", words.moment(said["embargo_ms"])
    if said.get("allow_ai_training") is not None:
        yield "AI training", "Allowed" if said["allow_ai_training"] else "Not allowed"


def _picture(video: dict[str, object]) -> str:
    return (
        f"{video['width']} by {video['height']}, {video['fps']:g} frames a second, {video['codec']}"
    )


def _sound(audio: dict[str, object]) -> str:
    channels = {1: "mono", 2: "stereo"}.get(
        int(str(audio["channels"])), f"{audio['channels']} channels"
    )
    return f"{int(str(audio['sample_rate'])) / 1000:g} kHz, {channels}, {audio['codec']}"
