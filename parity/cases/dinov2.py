"""DINOv2 goldens: timm's transformer in two tiny sizes, and the preprocessing of the real one."""

import numpy as np
import timm
from timm.data import resolve_data_config
from timm.data.transforms_factory import create_transform
from timm.models.vision_transformer import VisionTransformer

from cases.vit import SIZES, Size, load_formula, preprocessing, stages


def network(size: Size) -> VisionTransformer:
    """As timm builds `vit_base_patch14_dinov2.lvd142m`, smaller."""
    return VisionTransformer(
        img_size=size.side,
        patch_size=size.patch,
        embed_dim=size.width,
        depth=size.layers,
        num_heads=size.heads,
        init_values=1e-5,
        num_classes=0,
    )


def full() -> VisionTransformer:
    return timm.create_model("vit_base_patch14_dinov2.lvd142m", pretrained=False, num_classes=0)


def goldens() -> dict[str, np.ndarray]:
    out = {}
    for name, size in SIZES.items():
        case = f"dinov2.{name}"
        net = network(size)
        load_formula(net, f"{case}.", size)
        taps = {"embedded": net.norm_pre, "block0": net.blocks[0], "trunk": net.blocks[-1]}
        out |= stages(case, size, net, taps)
    transform = create_transform(**resolve_data_config({}, model=full()))
    return out | preprocessing("dinov2", transform)


GOLDENS = {"dinov2": goldens}
