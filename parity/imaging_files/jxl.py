"""JPEG XL, which Pillow does not read: written and read by libjxl."""

import imagecodecs
import numpy as np
from PIL import Image

from .writer import photograph


def jxls(w):
    odd = photograph(37, 27)
    alpha = odd.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(odd.size))
    for mode, image in [
        ("rgb", odd),
        ("rgba", alpha),
        ("grey", odd.convert("L")),
        ("one-pixel", odd.crop((0, 0, 1, 1))),
    ]:
        for name, options in [(mode, {"lossless": True}), (f"lossy-{mode}", {"level": 85})]:
            data = imagecodecs.jpegxl_encode(np.array(image), **options)
            w.write(f"jxl/{name}.jxl", data, Image.fromarray(imagecodecs.jpegxl_decode(data)))
