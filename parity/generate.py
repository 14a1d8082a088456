"""Writes the committed goldens of the models: `python generate.py [CASE ...]`.

Same versions, same bytes on one machine; on another, the last bits of a float may differ.
"""

import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

from cases import blip, clip, dinov2, faster_rcnn, faster_rcnn_boxes, logistic, mtcnn

DATA = pathlib.Path(__file__).resolve().parent.parent / "crates/models/tests/data"
CASES = {
    "mtcnn": mtcnn.GOLDENS,
    "clip": clip.GOLDENS,
    "dinov2": dinov2.GOLDENS,
    "blip": blip.GOLDENS,
    "faster_rcnn": faster_rcnn.GOLDENS | faster_rcnn_boxes.GOLDENS,
    "logistic": logistic.GOLDENS,
}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    DATA.mkdir(parents=True, exist_ok=True)
    for name in names or CASES:
        for stem, build in CASES[name].items():
            path = DATA / f"{stem}.safetensors"
            tensors = build()
            save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path)
            path.chmod(0o644)
            print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
