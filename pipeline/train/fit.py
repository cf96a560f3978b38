"""A small network by gradient descent (Adam) in numpy alone; the same result every time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.train.mix import IGNORED

Array = NDArray[np.float32]
Layers = list[tuple[Array, Array]]

NOISE = 0.4
"""Deviation of what is added to each input, in deviations of that input."""
KEPT = 0.75
"""Share of the inner values that survive each step (dropout)."""


def fit(
    seen: Array, truth: Array, *, seed: int, sizes: Sequence[int] = (48, 24), rounds: int = 40
) -> Layers:
    """Layers of weights (in, out) and biases for one sigmoid per column of `truth`."""
    random = np.random.default_rng(seed)
    layers = _begin(random, [seen.shape[1], *sizes, truth.shape[1]])
    moments = [[np.zeros_like(part) for part in layer for _ in range(2)] for layer in layers]
    total, step = rounds * -(-len(seen) // 512), 0
    for _ in range(rounds):
        for batch in _batches(random, len(seen)):
            step += 1
            rate = 2e-3 * min(1.0, step / 300) * 0.5 * (1 + np.cos(np.pi * step / total))
            noisy = seen[batch] + NOISE * random.standard_normal(
                (len(batch), seen.shape[1]), np.float32
            )
            slopes = _slopes(random, layers, noisy, truth[batch])
            _adam(layers, moments, slopes, rate, step)
    return layers


def _begin(random: np.random.Generator, sizes: list[int]) -> Layers:
    return [
        (
            (random.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32),
            np.zeros(b, np.float32),
        )
        for a, b in pairwise(sizes)
    ]


def _batches(random: np.random.Generator, count: int) -> Iterator[NDArray[np.int64]]:
    order = random.permutation(count)
    return (order[at : at + 512] for at in range(0, count, 512))


def _slopes(random: np.random.Generator, layers: Layers, seen: Array, truth: Array) -> Layers:
    inner: list[Array] = [seen]
    masks: list[Array] = []
    for weights, bias in layers[:-1]:
        made = np.maximum(0, inner[-1] @ weights + bias)
        masks.append(
            (random.random(made.shape, np.float32) < KEPT).astype(np.float32) / np.float32(KEPT)
        )
        inner.append(made * masks[-1])
    weights, bias = layers[-1]
    said = 1 / (1 + np.exp(-np.clip(inner[-1] @ weights + bias, -30, 30)))
    error: Array = (np.where(truth == IGNORED, 0, said - truth) / len(seen)).astype(np.float32)
    slopes: Layers = []
    for number in range(len(layers) - 1, -1, -1):
        slopes.insert(0, (inner[number].T @ error, error.sum(0)))
        if number:
            error = (error @ layers[number][0].T) * masks[number - 1] * (inner[number] > 0)
    return slopes


def _adam(
    layers: Layers, moments: list[list[Array]], slopes: Layers, rate: float, step: int
) -> None:
    for layer, moment, slope in zip(layers, moments, slopes, strict=True):
        for place in (0, 1):
            mean, square = moment[2 * place], moment[2 * place + 1]
            mean += 0.1 * (slope[place] - mean)
            square += 0.001 * (slope[place] ** 2 - square)
            move = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
            layer[place][...] -= np.float32(rate) * (
                move + (1e-3 * layer[place] if place == 0 else 0)
            )
