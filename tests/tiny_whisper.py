"""A Whisper of two megabytes, built offline: it says one given sentence, whatever it hears.

The weights are chosen, not learnt: what flows through the decoder is its position alone, and the
last projection maps each position to the token that the script has there. So the real
faster-whisper path runs (features, encoder, beam search, word times) with a known answer.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WIDTH = 64
_MELS, _ENCODER_PLACES, _DECODER_PLACES = 80, 1500, 448
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def build(folder: Path, text: str, *, end_s: float = 5.2, width: int = WIDTH) -> Path:
    """`folder`, made, with a model that hears `text` from 0 to `end_s` in whatever it is given."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(text.split())
    count, number = tokenizer.get_vocab_size(), tokenizer.token_to_id
    spec = WhisperSpec(1, 2, 1, 2)
    _fill(spec, count, width)
    stop = number("<|endoftext|>")
    said = [number("<|0.00|>"), *tokenizer.encode(f" {text}").ids, number(f"<|{end_s:.2f}|>"), stop]
    _teach(spec, said, stop, count, width)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [stop]
    spec.config.lang_ids = [number("<|en|>")]
    spec.config.alignment_heads = [[0, 0], [0, 1]]
    spec.register_vocabulary([tokenizer.id_to_token(each) for each in range(count)])
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    features = {
        "feature_size": _MELS,
        "sampling_rate": 16000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def _tokenizer(words: Sequence[str]) -> Tokenizer:
    """Byte-level BPE in which each of `words`, after a space, is one token."""
    vocabulary = {sign: at for at, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges: list[tuple[str, str]] = []
    for word in sorted(set(words)):
        left = "\u0120"  # byte-level BPE's sign for a space
        for sign in word:
            if left + sign not in vocabulary:
                vocabulary[left + sign] = len(vocabulary)
                merges.append((left, sign))
            left += sign
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_token(each, special=True) for each in _SPECIAL])
    tokenizer.add_tokens([_token(f"<|{place * 0.02:.2f}|>") for place in range(1501)])
    return tokenizer


def _token(text: str, *, special: bool = False) -> AddedToken:
    return AddedToken(text, special=special, normalized=False)


def _fill(spec: Any, vocabulary: int, width: int) -> None:
    """Noise, but zeros wherever the sound or an earlier token could reach the answer."""
    draw = np.random.default_rng(0)

    def noise(*shape: int) -> Any:
        return (draw.standard_normal(shape) * 0.05).astype(np.float32)

    def linear(layer: Any, out: int, into: int, *, closed: bool = False) -> None:
        layer.weight = np.zeros((out, into), np.float32) if closed else noise(out, into)
        layer.bias = np.zeros(out, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def block(layer: Any, *, closed: bool) -> None:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * width, width)
        linear(layer.self_attention.linear[1], width, width, closed=closed)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 2 * width, width)
        linear(layer.ffn.linear_1, width, 2 * width, closed=closed)

    encoder, decoder = spec.encoder, spec.decoder
    for convolution, into in ((encoder.conv1, _MELS), (encoder.conv2, width)):
        convolution.weight, convolution.bias = noise(width, into, 3), np.zeros(width, np.float32)
    encoder.position_encodings.encodings = noise(_ENCODER_PLACES, width)
    norm(encoder.layer_norm)
    block(encoder.layer[0], closed=False)
    norm(decoder.layer_norm)
    block(decoder.layer[0], closed=True)
    cross = decoder.layer[0].attention
    norm(cross.layer_norm)
    linear(cross.linear[0], width, width)
    linear(cross.linear[1], 2 * width, width)
    linear(cross.linear[2], width, width, closed=True)
    decoder.embeddings.weight = np.zeros((vocabulary, width), np.float32)


def _teach(spec: Any, said: Sequence[int], stop: int, vocabulary: int, width: int) -> None:
    """Random places are nearly orthogonal, so a row that is one of them answers there alone."""
    places = np.random.default_rng(1).standard_normal((_DECODER_PLACES, width)).astype(np.float32)
    places -= places.mean(axis=1, keepdims=True)
    places /= places.std(axis=1, keepdims=True)
    answers = np.zeros((vocabulary, width), np.float32)
    for place, token in enumerate(said):
        answers[token] += places[place] * 0.5
    answers[stop] += places[len(said) :].sum(axis=0) * 0.05
    spec.decoder.position_encodings.encodings = places
    spec.decoder.projection.weight = answers
