"""CLIP goldens: open_clip's image tower in two tiny sizes, and its OpenAI preprocessing."""

import numpy as np
from open_clip.transform import PreprocessCfg, image_transform_v2
from open_clip.transformer import QuickGELU, VisionTransformer

from cases.vit import SIZES, Size, load_formula, preprocessing, stages


def tower(size: Size) -> VisionTransformer:
    return VisionTransformer(
        image_size=size.side,
        patch_size=size.patch,
        width=size.width,
        layers=size.layers,
        heads=size.heads,
        mlp_ratio=4.0,
        output_dim=size.dims,
        act_layer=QuickGELU,
    )


def goldens() -> dict[str, np.ndarray]:
    out = {}
    for name, size in SIZES.items():
        case = f"clip.{name}"
        net = tower(size)
        load_formula(net, f"{case}.visual.", size)
        blocks = net.transformer.resblocks
        taps = {"embedded": net.ln_pre, "block0": blocks[0], "trunk": blocks[-1]}
        out |= stages(case, size, net, taps)
    for side in (224, 336):
        transform = image_transform_v2(PreprocessCfg(size=side), is_train=False)
        transform.transforms = [
            step for step in transform.transforms if type(step).__name__ != "MaybeConvertMode"
        ]
        out |= preprocessing(f"clip{side}", transform)
    return out


GOLDENS = {"clip": goldens}
