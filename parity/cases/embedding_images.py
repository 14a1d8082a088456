"""Pictures of the live embedding checks: formats, pixel layouts, shapes that are hard to fit."""

import numpy as np
from PIL import Image

from cases.mtcnn_images import DATA, Picture, encode, lfw_grid, photo


def pictures() -> list[Picture]:
    return [*formats(), *layouts(), *shapes(), *flat()]


def formats() -> list[Picture]:
    face, cat, coffee = photo("astronaut"), photo("chelsea"), photo("coffee")
    return [
        encode(cat, "quality_90.jpg", quality=90),
        encode(coffee, "quality_40.jpg", quality=40),
        encode(coffee, "full_chroma.jpg", quality=85, subsampling=0),
        encode(cat, "progressive.jpg", quality=85, progressive=True),
        encode(cat.convert("CMYK"), "cmyk.jpg", quality=85),
        Picture("hubble.jpg", (DATA / "hubble_deep_field.jpg").read_bytes()),
        encode(face, "astronaut.png"),
        encode(cat, "lossless.webp", lossless=True),
        encode(coffee, "quality_80.webp", quality=80),
        encode(cat.quantize(128), "palette.gif"),
        encode(coffee, "rgb.bmp"),
        encode(photo("motorcycle_left"), "rgb.tif"),
    ]


def layouts() -> list[Picture]:
    cat = photo("chelsea")
    alpha = Image.linear_gradient("L").resize(cat.size)
    grey, clear = cat.convert("L"), cat.copy()
    clear.putalpha(alpha)
    return [
        encode(grey, "grey.jpg", quality=85),
        encode(grey, "grey.png"),
        encode(Image.merge("LA", (grey, alpha)), "grey_alpha.png"),
        encode(clear, "rgba.png"),
        encode(cat.quantize(64), "palette.png"),
        encode(cat.convert("1"), "one_bit.png"),
    ]


def shapes() -> list[Picture]:
    face, people = photo("astronaut"), lfw_grid(10, 10)
    sizes = [(1, 1), (2, 3), (1, 40), (40, 1), (1, 120), (120, 1), (7, 500), (500, 7)]
    sizes += [(224, 224), (225, 224), (224, 227), (518, 518), (519, 521), (511, 373), (333, 517)]
    made = {f"size_{width}x{height}": face.resize((width, height)) for width, height in sizes}
    made["wide_1500x60"] = lfw_grid(80, 1).resize((1500, 60), Image.Resampling.BICUBIC)
    made["tall_60x1500"] = lfw_grid(1, 80).resize((60, 1500), Image.Resampling.BICUBIC)
    large = people.resize((3000, 2200), Image.Resampling.BICUBIC)
    coded = [encode(image, f"{name}.png") for name, image in made.items()]
    return [*coded, encode(large, "large_3000x2200.jpg", quality=85)]


def flat() -> list[Picture]:
    noise = np.random.default_rng(7).integers(0, 256, (300, 400, 3), np.uint8)
    made = {
        "black": Image.new("RGB", (300, 200)),
        "white": Image.new("RGB", (200, 300), (255, 255, 255)),
        "noise": Image.fromarray(noise),
    }
    return [encode(image, f"{name}.png") for name, image in made.items()]
