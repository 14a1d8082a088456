"""DINOv2 as the Python service runs it: timm's model and its own preprocessing."""

import pathlib

import timm
from safetensors.torch import load_file
from timm.data import resolve_data_config
from timm.data.transforms_factory import create_transform

from cases.embedding_live import Model

NAME = "vit_base_patch14_dinov2.lvd142m"


def load(path: pathlib.Path):
    net = timm.create_model(NAME, pretrained=False, num_classes=0)
    net.load_state_dict(load_file(path), strict=True)
    net.eval()
    transform = create_transform(**resolve_data_config({}, model=net))
    return lambda image: net(transform(image)[None])[0]


MODEL = Model(
    task="embed_dino_v2",
    catalogue_name="dinov2-vit-b-14",
    file=f"timm/{NAME}/model.safetensors",
    settings=(),
    load=load,
)
