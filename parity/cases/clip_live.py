"""CLIP as the Python service runs it: open_clip's model and preprocessing."""

import pathlib

import open_clip
from safetensors.torch import load_file

from cases.embedding_live import Model


def model(variant: str, upstream: str, repository: str) -> Model:
    """`variant` is our name for it, `upstream` open_clip's."""

    def load(path: pathlib.Path):
        net, _, preprocess = open_clip.create_model_and_transforms(
            f"{upstream}-quickgelu", pretrained=None
        )
        prefix = "visual."
        state = {
            key.removeprefix(prefix): value
            for key, value in load_file(path).items()
            if key.startswith(prefix)
        }
        net.visual.load_state_dict(state, strict=True)
        net.eval()
        return lambda image: net.encode_image(preprocess(image)[None])[0]

    return Model(
        task="embed_clip_vit_b_32",
        catalogue_name=f"clip-{upstream.lower()}",
        file=f"timm/{repository}/open_clip_model.safetensors",
        settings=("--clip-model", variant),
        load=load,
    )


VARIANTS = {
    "clip": model("ViT-B/32", "ViT-B-32", "vit_base_patch32_clip_224.openai"),
    "clip-b16": model("ViT-B/16", "ViT-B-16", "vit_base_patch16_clip_224.openai"),
    "clip-l14": model("ViT-L/14", "ViT-L-14", "vit_large_patch14_clip_224.openai"),
    "clip-l14-336": model("ViT-L/14@336px", "ViT-L-14-336", "vit_large_patch14_clip_336.openai"),
}
