"""Where the files go, and the pictures that they hold."""

import io
import pathlib

import numpy as np
import skimage
from PIL import Image

WIDTH, HEIGHT = 19, 17
GREY16 = np.array([0, 1, 127, 128, 254, 255, 256, 257, 511, 32767, 32768, 65280, 65535], np.uint16)


def photograph(width, height):
    """A part of the astronaut (public domain, NASA) with edges, skin and saturated colours."""
    path = pathlib.Path(skimage.__file__).parent / "data/astronaut.png"
    image = Image.open(path).convert("RGB").crop((100, 0, 360, 260 * height // width))
    return image.resize((width, height), Image.Resampling.LANCZOS)


class Writer:
    def __init__(self, out):
        self.out = out
        self.photo = photograph(WIDTH, HEIGHT)
        self.rgb = np.array(self.photo)
        self.random = np.random.default_rng(20260101)
        self.count = 0

    def good(self, name, data):
        """Writes a file and the pixels that Pillow reads from it."""
        self.write(name, data, Image.open(io.BytesIO(data)))

    def write(self, name, data, image):
        """Writes a file and the pixels of the image that it holds."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        image.convert("RGB").save(path.with_name(path.name + ".ppm"), "PPM")
        self.count += 1

    def bad(self, name, data, refused=True):
        path = self.out / "bad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        try:
            Image.open(io.BytesIO(data)).convert("RGB")
            accepted = True
        except Exception:
            accepted = False
        if accepted == refused:
            raise SystemExit(
                f"Pillow {'accepts' if accepted else 'refuses'} bad/{name}: {data[:40]!r}"
            )
        self.count += 1


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
