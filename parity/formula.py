"""Numbers that Python and Rust both compute from a name: no random generator, nothing to store.

Element i of the tensor called NAME is the splitmix64 hash of fnv1a64(NAME) xor i * golden ratio;
its top 24 bits are read as a fraction, centred on 0 and scaled.
"""

import math

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def fnv1a64(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def splitmix64(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(name: str, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """float64 numbers of [-scale, scale), row-major."""
    index = np.arange(math.prod(shape), dtype=np.uint64)
    z = splitmix64(np.uint64(fnv1a64(name)) ^ (index * GOLDEN))
    fraction = (z >> np.uint64(40)).astype(np.float64) / 2.0**24
    return ((fraction - 0.5) * 2.0 * scale).reshape(shape)


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The float32 weight tensor NAME: every layer moves its output, no bias is zero."""
    if "prelu" in name:
        values = 0.25 + uniform(name, shape, 0.25)
    elif len(shape) >= 2:
        values = uniform(name, shape, 1.0 / math.sqrt(math.prod(shape[1:])))
    else:
        values = uniform(name, shape, 0.25)
    return values.astype(np.float32)


def transformer_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The float32 weight tensor NAME of a vision transformer, so that every layer moves its output.

    Norms and LayerScale lie around 1, embeddings are as large as what they are added to, and
    attention is far from even. Upstream's own numbers do none of this.
    """
    last = name.rsplit(".", 1)[-1]
    if last in ("class_embedding", "positional_embedding", "cls_token", "pos_embed"):
        values = uniform(name, shape)
    elif last == "gamma" or (last == "weight" and len(shape) == 1):
        values = 1.0 + uniform(name, shape, 0.5)
    elif len(shape) == 1:
        values = uniform(name, shape, 0.25)
    else:
        fan_in = shape[0] if last == "proj" else math.prod(shape[1:])
        values = uniform(name, shape, 2.0 / math.sqrt(fan_in))
    return values.astype(np.float32)


def detector_weight(name: str, shape: tuple[int, ...], variance: float = 1.0) -> np.ndarray:
    """The float32 weight tensor NAME of a detector with frozen batch norms, uneven in every way.

    `variance`: about what the norms' is. A small one shows their eps; their weights make up for it.
    """
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        values = variance * (1.0 + uniform(name, shape, 0.5))
    elif len(shape) == 1 and last == "weight":
        values = math.sqrt(variance) * (1.0 + uniform(name, shape, 0.5))
    elif len(shape) == 1:
        values = uniform(name, shape, 0.25)
    else:
        # Boxes that keep their shape, and scores that are not all near 0 and 1.
        gain = 0.1 if "bbox_pred" in name else 2.5 if "cls_" in name else 2.0
        values = uniform(name, shape, gain / math.sqrt(math.prod(shape[1:])))
    return values.astype(np.float32)


def captioner_weight(name: str, shape: tuple[int, ...], end: int) -> np.ndarray:
    """The float32 weight tensor NAME of a captioner, so that every layer moves its output.

    Token `end` is likelier than others, or texts would hardly end.
    """
    last = name.rsplit(".", 1)[-1]
    if last == "class_embedding" or "position_embedding" in name or "word_embedding" in name:
        values = uniform(name, shape)
    elif len(shape) == 1 and last == "weight":
        values = 1.0 + uniform(name, shape, 0.5)
    elif len(shape) == 1:
        values = uniform(name, shape, 0.25)
        if name.endswith("cls.predictions.bias"):
            values[end] += 4.0
    else:
        values = uniform(name, shape, 2.0 / math.sqrt(math.prod(shape[1:])))
    return values.astype(np.float32)
