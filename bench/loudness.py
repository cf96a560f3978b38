"""python -m bench.loudness RECORDING: the plainest finder of highlights, as JSON."""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, decode_pcm

TENTH = RATE // 10


def loud(samples: NDArray[np.float32]) -> list[dict[str, float]]:
    """The baseline: where the level over 3 s is in the loudest 15 % for at least 2 s."""
    tenths = samples[: len(samples) // TENTH * TENTH].reshape(-1, TENTH)
    level = 20 * np.log10(np.sqrt(np.mean(tenths**2, axis=1)) + 1e-6)
    smooth = np.convolve(level, np.ones(30) / 30, "same")
    on = np.concatenate([[False], smooth > np.percentile(smooth, 85), [False]])
    starts, ends = (
        np.flatnonzero(np.diff(on.astype(int)) == 1),
        np.flatnonzero(np.diff(on.astype(int)) == -1),
    )
    return [
        {"start": a / 10, "end": b / 10, "score": float(smooth[a:b].max())}
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        if b - a >= 20
    ]


if __name__ == "__main__":
    print(json.dumps({"highlights": loud(decode_pcm(Path(sys.argv[1])))}))
