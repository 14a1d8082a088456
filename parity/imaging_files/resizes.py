"""Checksums of what Pillow's `resize` gives."""

import zlib

import numpy as np
from PIL import Image

from .writer import photograph

FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def pattern(width, height):
    """Noise with runs of black and white, by a formula that the Rust test repeats."""
    index = np.arange(width * height * 3, dtype=np.uint64)
    mixed = index * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    value = (mixed >> np.uint64(56)).astype(np.uint8)
    block = (index // np.uint64(97)) % np.uint64(5)
    value = np.where(block == 0, np.uint8(0), np.where(block == 1, np.uint8(255), value))
    return Image.fromarray(value.astype(np.uint8).reshape(height, width, 3), "RGB")


def resizes(w):
    folder = w.out / "resize"
    folder.mkdir(parents=True)
    photo = photograph(96, 80)
    photo.save(folder / "photograph.ppm", "PPM")
    lines = []
    sources = {"photograph": photo}
    for size in [
        (1, 1),
        (2, 2),
        (3, 7),
        (13, 5),
        (64, 64),
        (201, 101),
        (1024, 1024),
        (1, 300),
        (300, 1),
    ]:
        sources[f"pattern-{size[0]}x{size[1]}"] = pattern(*size)
    targets = [
        (1, 1),
        (2, 3),
        (7, 5),
        (16, 16),
        (33, 64),
        (96, 80),
        (96, 41),
        (50, 80),
        (224, 224),
        (518, 30),
        (97, 81),
        (95, 79),
    ]
    for name, image in sources.items():
        extra = (
            [(518, 518), (384, 384), (1023, 1025), (1024, 100)]
            if name == "pattern-1024x1024"
            else []
        )
        for width, height in targets + extra:
            for filter_name, number in FILTERS.items():
                result = image.resize((width, height), number)
                lines.append(
                    f"{name} {width} {height} {filter_name} {zlib.crc32(result.tobytes()):08x}"
                )
    (folder / "table.txt").write_text("\n".join(lines) + "\n")
    w.count += len(lines)
