"""python -m pipeline.train CORPUS [--scenes N] [--seed S] [--without FILE ...] [--out sounds.npz]

The recipe: N scenes of 16 s (`mix.scene`), every other row of 4 a second, four networks of
different seeds, kept as half floats. CORPUS is a folder with manifest.csv (file, category) and
the sounds it names.
"""

import argparse
import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import sounds
from pipeline.train import mix
from pipeline.train.fit import fit

MEMBERS = 4
SCENES = 3200


def main() -> None:
    asked = argparse.ArgumentParser(description="Train the model of sounds.")
    asked.add_argument("corpus", type=Path)
    asked.add_argument("--scenes", type=int, default=SCENES)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument(
        "--without", nargs="*", default=[], help="files of the manifest to leave out"
    )
    asked.add_argument("--out", type=Path, default=sounds.MODEL)
    asked.add_argument("--processes", type=int, default=2)
    wanted = asked.parse_args()
    corpus = mix.load(wanted.corpus, frozenset(wanted.without))
    seen, truth = examples(corpus, wanted.scenes, wanted.seed, wanted.processes)
    np.savez_compressed(wanted.out, allow_pickle=False, **train(seen, truth, wanted.seed))


def examples(
    corpus: mix.Corpus, scenes: int, seed: int, processes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with multiprocessing.Pool(processes) as pool:
        made = pool.map(partial(_example, corpus, seed), range(scenes), chunksize=20)
    return np.concatenate([s for s, _ in made]), np.concatenate([t for _, t in made])


def _example(
    corpus: mix.Corpus, seed: int, number: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Every other row of one scene: its neighbours say nearly the same."""
    rows, truth = mix.scene(np.random.default_rng([seed, number]), corpus)
    return sounds.inputs(rows)[::2], truth[::2]


def train(
    seen: NDArray[np.float32], truth: NDArray[np.float32], seed: int
) -> dict[str, NDArray[np.generic]]:
    mean, deviation = seen.mean(0), seen.std(0) + 1e-3
    ready = np.clip((seen - mean) / deviation, -5, 5)
    stored: dict[str, NDArray[np.generic]] = {
        "mean": mean.astype(np.float32),
        "deviation": deviation.astype(np.float32),
        "members": np.array(MEMBERS),
    }
    for member in range(MEMBERS):
        for layer, (weights, bias) in enumerate(fit(ready, truth, seed=seed * 100 + member)):
            stored[f"w{member}_{layer}"] = weights.astype(np.float16)
            stored[f"b{member}_{layer}"] = bias.astype(np.float16)
    return stored


if __name__ == "__main__":
    main()
