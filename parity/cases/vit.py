"""What goldens of vision transformers share: sizes, formula weights, stages, preprocessing."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from formula import transformer_weight, uniform

PIXEL_SAMPLES = 256
BATCH = 2


class Size(NamedTuple):
    """A tiny network. `dims`, the length of a vector, is CLIP's alone.

    `tokens`: how large they are before the first norm. Small ones show that norm's eps.
    """

    side: int
    patch: int
    width: int
    layers: int
    heads: int
    dims: int
    tokens: float


SIZES = {  # heads of 64 as in the real ones; and nothing a power of two
    "even": Size(side=48, patch=16, width=128, layers=3, heads=2, dims=40, tokens=1.0),
    "odd": Size(side=30, patch=6, width=72, layers=2, heads=3, dims=9, tokens=1 / 256),
}

# Added up into the tokens; so are the patches, whose pixels are scaled instead.
BEFORE_NORM = (
    "class_embedding",
    "positional_embedding",
    "cls_token",
    "pos_embed",
    "patch_embed.proj.bias",
)

# (height, width): upright, lying, square, already the size, one pixel, lines, halves to round
# in the resize and in the crop.
PICTURES = [
    (300, 200),
    (97, 411),
    (64, 64),
    (224, 224),
    (518, 600),
    (1, 1),
    (1, 40),
    (90, 1),
    (225, 224),
    (224, 227),
    (333, 335),
]


def load_formula(net: torch.nn.Module, prefix: str, size: Size) -> None:
    """Formula weights for every tensor; `prefix` and the tensor's name are the formula's NAME."""
    state = {}
    for key, value in net.state_dict().items():
        values = transformer_weight(f"{prefix}{key}", tuple(value.shape))
        if key in BEFORE_NORM:
            values *= np.float32(size.tokens)
        state[key] = torch.from_numpy(values)
    net.load_state_dict(state, strict=True)
    net.eval()


def stages(case: str, size: Size, forward, taps: dict[str, torch.nn.Module]) -> dict:
    """Outputs of `taps` and of `forward` for a batch of formula pixels, NCHW upstream."""
    out, handles = {}, []
    for tap, module in taps.items():
        handles.append(
            module.register_forward_hook(
                lambda _module, _inputs, value, tap=tap: out.update(
                    {f"{case}.{tap}": value.numpy().copy()}
                )
            )
        )
    shape = (BATCH, 3, size.side, size.side)
    pixels = uniform(f"{case}.input", shape, 2.0 * size.tokens).astype(np.float32)
    with torch.no_grad():
        out[f"{case}.output"] = forward(torch.from_numpy(pixels)).numpy()
    for handle in handles:
        handle.remove()
    out[f"{case}.trunk"] = out[f"{case}.trunk"][:, 0]
    return out


def preprocessing(model: str, transform) -> dict:
    """`transform` of formula pictures: every level's number, and places in each picture."""
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    to_numbers = transform.transforms[2:]
    value = Image.fromarray(levels)
    for step in to_numbers:
        value = step(value)
    out = {f"{model}.levels": value.permute(1, 2, 0).reshape(256, 3).numpy()}
    for height, width in PICTURES:
        name = f"{model}.picture.{height}x{width}"
        picture = (128 + uniform(name, (height, width, 3), 128.0)).astype(np.uint8)
        picture = Image.fromarray(picture)
        fitted = picture
        for step in transform.transforms[:2]:
            fitted = step(fitted)
        fitted = np.asarray(fitted).reshape(-1)
        # Every byte counts, and so does its place.
        place = np.arange(fitted.size, dtype=np.int64) % 251 + 1
        out[f"{name}.checksum"] = np.array([(fitted.astype(np.int64) * place).sum()])
        values = transform(picture).permute(1, 2, 0).reshape(-1).numpy()
        picked = np.arange(PIXEL_SAMPLES) * values.size // PIXEL_SAMPLES
        out[f"{name}.samples"] = values[picked]
    return out
