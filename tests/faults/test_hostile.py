"""F18: odd and hostile media is read or refused with a reason, and nothing crashes."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline import ffmpeg, sandbox
from pipeline.errors import ChildFailed, Refused

CORPUS = Path(__file__).parents[3] / "shared" / "hostile" / "files"
LIMITS = sandbox.Limits(memory_mb=4096, cpu_s=60, wall_s=60)
MUTATIONS = 120
SEED = 72_656


def outcome(path: Path) -> tuple[str, str, float]:
    """accepted, refused or failed; the reason; seconds."""
    started = time.monotonic()
    try:
        sandbox.run("probe", {"source": str(path)}, limits=LIMITS)
        what, why = "accepted", ""
    except Refused as refusal:
        what, why = "refused", str(refusal)
    except ChildFailed as failure:
        what, why = "failed", str(failure)
    return what, why, time.monotonic() - started


def outcomes(paths: list[Path]) -> dict[str, tuple[str, str, float]]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip([path.name for path in paths], pool.map(outcome, paths), strict=True))


def assert_good(found: dict[str, tuple[str, str, float]]) -> None:
    assert {name: why for name, (what, why, _) in found.items() if what == "failed"} == {}
    assert all(why for what, why, _ in found.values() if what == "refused")
    assert max(seconds for _, _, seconds in found.values()) < 60


@pytest.mark.timeout(400)
@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared corpus of hostile media")
def test_the_corpus_is_read_or_refused() -> None:
    found = outcomes(sorted(CORPUS.iterdir()))
    assert len(found) > 150
    assert_good(found)


@pytest.mark.timeout(400)
def test_mutated_recordings_are_read_or_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    made = "-f lavfi -i testsrc2=s=160x90:d=2 -f lavfi -i sine=d=2 -pix_fmt yuv420p"
    ffmpeg.run([*made.split(), "-movflags", "+faststart", ffmpeg.url(whole)])
    data = whole.read_bytes()
    chance = random.Random(SEED)
    print(f"seed {SEED}")  # noqa: T201 (a failing run is repeated with it)
    paths = []
    for number in range(MUTATIONS):
        paths.append(tmp_path / f"{number}.mp4")
        paths[-1].write_bytes(mutated(data, chance))
    assert_good(outcomes(paths))


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    kind = chance.choice(("flip", "header", "cut", "splice"))
    if kind == "cut":
        return bytes(changed[: chance.randrange(1, len(changed))])
    reach = 3000 if kind == "header" else len(changed)
    for _ in range(chance.randrange(1, 40)):
        changed[chance.randrange(reach)] = chance.randrange(256)
    if kind == "splice":
        start = chance.randrange(len(changed))
        del changed[start : start + chance.randrange(1, 4000)]
    return bytes(changed)
