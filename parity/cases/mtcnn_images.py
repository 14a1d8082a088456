"""The pictures of the live MTCNN check, made from the photographs inside the scikit-image wheel."""

import importlib.util
import io
import pathlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

# Found without importing scikit-image, whose own dependencies this environment leaves out.
DATA = pathlib.Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"


class Picture(NamedTuple):
    """An encoded file."""

    name: str
    encoded: bytes

    def decoded(self) -> Image.Image:
        """As the Python service opens it."""
        return Image.open(io.BytesIO(self.encoded)).convert("RGB")


def photo(name: str) -> Image.Image:
    return Image.open(DATA / f"{name}.png").convert("RGB")


def encode(image: Image.Image, name: str, **options) -> Picture:
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(
        name.rsplit(".", 1)[1], name.rsplit(".", 1)[1].upper()
    )
    image.save(buffer, kind, **options)
    return Picture(name, buffer.getvalue())


def pictures() -> list[Picture]:
    return [*geometry(), *faces(), *no_faces(), *sizes(), *tones(), *modes(), *lossy()]


def geometry() -> list[Picture]:
    face = photo("astronaut")
    made = {"astronaut": face, "mirrored": ImageOps.mirror(face), "flipped": ImageOps.flip(face)}
    for side in (64, 128, 256, 300, 768, 1024):
        made[f"scaled_{side}"] = face.resize((side, side), Image.Resampling.BICUBIC)
    for angle in (5, 15, 30, 90, 180):
        made[f"rotated_{angle}"] = face.rotate(angle, Image.Resampling.BILINEAR)
    # The face lies at [181, 62, 267, 172].
    borders = {"left": (224, 0, 512, 400), "right": (0, 0, 225, 400)}
    borders |= {"top": (100, 100, 400, 400), "bottom": (100, 0, 400, 130)}
    made |= {f"cut_{side}": face.crop(box) for side, box in borders.items()}
    made |= {"odd_511x373": face.resize((511, 373)), "odd_333x517": face.resize((333, 517))}
    return [encode(image, f"{name}.png") for name, image in made.items()]


def faces() -> list[Picture]:
    """Several faces: pasted at mixed scales, tiled, and 100 real ones of 25x25 pixels."""
    face = photo("astronaut").crop((130, 20, 330, 240))
    mixed = Image.new("RGB", (1100, 700), (90, 110, 130))
    for k, scale in enumerate((0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)):
        size = round(face.width * scale), round(face.height * scale)
        mixed.paste(face.resize(size, Image.Resampling.LANCZOS), (20 + 150 * k, 15 + 60 * (k % 3)))
    tiled = Image.new("RGB", (800, 660))
    for k in range(12):
        tiled.paste(face, (k % 4 * 200, k // 4 * 220))
    people = lfw_grid(10, 10)
    return [
        encode(mixed, "faces_mixed.png"),
        encode(tiled, "faces_tiled.png"),
        encode(people, "people_250.png"),
        encode(people.resize((600, 600), Image.Resampling.BICUBIC), "people_600.png"),
        encode(lfw_grid(6, 6).resize((900, 900), Image.Resampling.BICUBIC), "people_900.png"),
        encode(photo("camera"), "camera.png"),
        encode(photo("motorcycle_left"), "motorcycle.png"),
    ]


def lfw_grid(columns: int, rows: int) -> Image.Image:
    faces_only = np.load(DATA / "lfw_subset.npy")[: columns * rows]
    grid = faces_only.reshape(rows, columns, 25, 25).transpose(0, 2, 1, 3)
    grid = np.round(grid * 255).astype(np.uint8).reshape(rows * 25, columns * 25)
    return Image.fromarray(grid).convert("RGB")


def no_faces() -> list[Picture]:
    names = ("coffee", "chelsea", "text", "coins", "grass", "page")
    flat = Image.new("RGB", (200, 150), (128, 128, 128))
    return [encode(photo(name), f"{name}.png") for name in names] + [encode(flat, "flat.png")]


def sizes() -> list[Picture]:
    face = photo("astronaut").crop((170, 60, 280, 180))
    tiny = [(1, 1), (5, 7), (11, 11), (12, 12), (19, 30), (30, 19), (20, 20), (24, 24), (40, 33)]
    made = [encode(face.resize(size), f"tiny_{size[0]}x{size[1]}.png") for size in tiny]
    row = lfw_grid(40, 1).resize((2000, 50), Image.Resampling.BICUBIC)
    strips = {
        "wide_2000x30": lfw_grid(80, 1).resize((2000, 30)),
        "wide_2000x50": row,
        "tall_30x2000": lfw_grid(1, 80).resize((30, 2000)),
        "tall_50x2000": lfw_grid(1, 40).resize((50, 2000), Image.Resampling.BICUBIC),
        "line_2000x1": row.resize((2000, 1)),
    }
    return made + [encode(image, f"{name}.png") for name, image in strips.items()]


def tones() -> list[Picture]:
    face = photo("astronaut")
    noise = np.random.default_rng(7).integers(-60, 61, (512, 512, 3))
    noisy = np.clip(np.asarray(face, np.int64) + noise, 0, 255).astype(np.uint8)
    made = {
        "dark": face.point(lambda level: level // 8),
        "pale": face.point(lambda level: 200 + level // 5),
        "negative": ImageOps.invert(face),
        "noisy": Image.fromarray(noisy),
    }
    return [encode(image, f"{name}.png") for name, image in made.items()]


def modes() -> list[Picture]:
    """Other pixel layouts and formats, lossless: every decoder must give the same levels."""
    face = photo("astronaut")
    alpha = Image.linear_gradient("L").resize(face.size)
    clear = face.copy()
    clear.putalpha(alpha)
    grey = face.convert("L")
    return [
        encode(grey, "grey.png"),
        encode(Image.merge("LA", (grey, alpha)), "grey_alpha.png"),
        encode(clear, "rgba.png"),
        encode(face.quantize(64), "palette.png"),
        encode(face.convert("1"), "one_bit.png"),
        encode(face.quantize(128), "palette.gif"),
        encode(face, "rgb.bmp"),
        encode(face, "rgb.tif"),
        encode(face, "lossless.webp", lossless=True),
    ]


def lossy() -> list[Picture]:
    face = photo("astronaut")
    made = [encode(face, f"quality_{q}.jpg", quality=q) for q in (95, 75, 40, 15)]
    made += [
        encode(face, "full_chroma.jpg", quality=85, subsampling=0),
        encode(face, "progressive.jpg", quality=85, progressive=True),
        encode(face.convert("L"), "grey.jpg", quality=85),
        encode(face, "quality_80.webp", quality=80),
        encode(lfw_grid(6, 6).resize((900, 900)), "people_900.jpg", quality=85),
    ]
    return [*made, Picture("rocket.jpg", (DATA / "rocket.jpg").read_bytes())]
