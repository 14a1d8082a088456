"""WebP: lossless, lossy, with alpha, animated."""

import struct

import numpy as np
from PIL import Image

from .orientation import exif
from .writer import HEIGHT, WIDTH, photograph, saved


def webps(w):
    alpha = Image.fromarray(w.random.integers(0, 256, (HEIGHT, WIDTH), np.uint8), "L")
    rgba = w.photo.copy()
    rgba.putalpha(alpha)
    w.good("webp/lossless-rgb.webp", saved(w.photo, "WEBP", lossless=True))
    w.good("webp/lossless-rgba.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    w.good(
        "webp/lossless-palette.webp",
        saved(w.photo.quantize(7).convert("RGB"), "WEBP", lossless=True),
    )
    big = photograph(61, 47)
    w.good("webp/lossy-rgb.webp", saved(big, "WEBP", quality=80))
    w.good("webp/lossy-rough.webp", saved(big, "WEBP", quality=5))
    w.good("webp/lossy-rgba.webp", saved(rgba, "WEBP", quality=80))
    for size in [(1, 1), (2, 3), (17, 16), (16, 17), (40, 5)]:
        w.good(f"webp/lossy-{size[0]}x{size[1]}.webp", saved(big.resize(size), "WEBP", quality=75))
    # The second frame changes a part only; the first covers the canvas.
    second = w.photo.copy()
    second.paste((255, 0, 0), (4, 4, 12, 12))
    w.good(
        "webp/animated-lossless.webp",
        saved(w.photo, "WEBP", save_all=True, append_images=[second], lossless=True),
    )
    w.good(
        "webp/animated-alpha.webp",
        saved(rgba, "WEBP", save_all=True, append_images=[second], lossless=True, exact=True),
    )
    w.good("webp/animated-small-first-frame.webp", small_first_frame(w, rgba, 0))
    w.good("webp/animated-small-first-frame-blend.webp", small_first_frame(w, rgba, 2))
    w.good(
        "webp/extended-metadata.webp",
        saved(w.photo, "WEBP", lossless=True, exif=exif(1), icc_profile=b"p" * 301),
    )


def riff(chunks):
    body = b"WEBP"
    for name, data in chunks:
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def u24(number):
    return struct.pack("<I", number)[:3]


def small_first_frame(w, rgba, flags):
    still = saved(rgba, "WEBP", lossless=True, exact=True)
    # A lossless file is one chunk; with alpha Pillow writes no extended header for it.
    assert still[12:16] == b"VP8L", still[12:16]
    size = struct.unpack("<I", still[16:20])[0]
    bitstream = still[20 : 20 + size]
    frame = (
        u24(3)
        + u24(2)
        + u24(WIDTH - 1)
        + u24(HEIGHT - 1)
        + u24(100)
        + bytes([flags])
        + b"VP8L"
        + struct.pack("<I", size)
        + bitstream
        + b"\0" * (size % 2)
    )
    extended = bytes([0x12, 0, 0, 0]) + u24(WIDTH + 10 - 1) + u24(HEIGHT + 7 - 1)
    return riff(
        [
            (b"VP8X", extended),
            (b"ANIM", struct.pack("<IH", 0xFF804020, 0)),
            (b"ANMF", frame),
            (b"ANMF", frame),
        ]
    )
