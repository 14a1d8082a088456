"""PNG: every colour type and depth, plain and interlaced."""

import struct
import zlib

import numpy as np
from PIL import ImageOps

from .writer import GREY16, HEIGHT, WIDTH, saved


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


ADAM7 = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]


def pack(samples, bits):
    """Rows of samples, `[height, width * channels]`, packed to whole bytes."""
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    if bits == 8:
        return [row.astype(np.uint8).tobytes() for row in samples]
    rows = []
    for row in samples:
        unpacked = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
        rows.append(np.packbits(unpacked.astype(np.uint8).ravel()).tobytes())
    return rows


def png(samples, bits, color, interlaced=False, before=b"", compressed=None):
    """`samples`: [height, width, channels]."""
    height, width, _channels = samples.shape
    raw = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y0::dy, x0::dx]
        if part.size:
            for _index, row in enumerate(pack(part.reshape(part.shape[0], -1), bits)):
                raw += b"\x00" + row
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    data = zlib.compress(raw, 9) if compressed is None else compressed
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def pngs(w):
    random = w.random
    size = (HEIGHT, WIDTH)
    grey16 = random.choice(GREY16, size + (1,))
    palette = random.integers(0, 256, (256, 3), np.uint8)
    cases = {
        "grey-8": (random.integers(0, 256, size + (1,)), 8, 0),
        "grey-16": (grey16, 16, 0),
        "grey-4": (random.integers(0, 16, size + (1,)), 4, 0),
        "grey-2": (random.integers(0, 4, size + (1,)), 2, 0),
        "grey-1": (random.integers(0, 2, size + (1,)), 1, 0),
        "rgb-8": (w.rgb.astype(int), 8, 2),
        "rgb-16": (random.integers(0, 65536, size + (3,)), 16, 2),
        "grey-alpha-8": (random.integers(0, 256, size + (2,)), 8, 4),
        "grey-alpha-16": (random.integers(0, 65536, size + (2,)), 16, 4),
        "rgba-8": (random.integers(0, 256, size + (4,)), 8, 6),
        "rgba-16": (random.integers(0, 65536, size + (4,)), 16, 6),
    }
    for name, (samples, bits, color) in cases.items():
        w.good(f"png/{name}.png", png(samples, bits, color))
        w.good(f"png/{name}-interlaced.png", png(samples, bits, color, interlaced=True))
    for bits in [1, 2, 4, 8]:
        colors = 1 << bits
        samples = random.integers(0, colors, size + (1,))
        table = chunk(b"PLTE", palette[:colors].tobytes())
        w.good(f"png/palette-{bits}.png", png(samples, bits, 3, before=table))
        w.good(
            f"png/palette-{bits}-interlaced.png",
            png(samples, bits, 3, interlaced=True, before=table),
        )
        alpha = chunk(b"tRNS", random.integers(0, 256, colors, np.uint8).tobytes())
        w.good(f"png/palette-{bits}-alpha.png", png(samples, bits, 3, before=table + alpha))
    short = chunk(b"PLTE", palette[:5].tobytes())
    w.good("png/palette-8-short.png", png(random.integers(0, 16, size + (1,)), 8, 3, before=short))
    transparent = chunk(b"tRNS", struct.pack(">H", 7))
    w.good(
        "png/grey-8-transparent.png",
        png(random.integers(0, 9, size + (1,)), 8, 0, before=transparent),
    )
    w.good(
        "png/rgb-8-transparent.png",
        png(w.rgb.astype(int), 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))),
    )
    for width, height in [(1, 1), (2, 1), (1, 2), (3, 3), (5, 9)]:
        samples = random.integers(0, 256, (height, width, 3))
        w.good(f"png/size-{width}x{height}-interlaced.png", png(samples, 8, 2, interlaced=True))
    w.good("png/all-filters.png", saved(w.photo, "PNG"))
    w.good(
        "png/animated.png",
        saved(w.photo, "PNG", save_all=True, append_images=[ImageOps.mirror(w.photo)]),
    )
    w.good("png/no-end-chunk.png", png(w.rgb.astype(int), 8, 2)[:-12])
    unknown = chunk(b"ABCD", b"nobody knows") + chunk(b"aBCD", b"and need not")
    w.good("png/unknown-critical.png", png(w.rgb.astype(int), 8, 2, before=unknown))
    rgb = png(w.rgb.astype(int), 8, 2)
    header, rest = rgb[8:33], rgb[33:]
    text = chunk(b"tEXt", b"a\0b")
    w.good("png/text-before-header.png", rgb[:8] + text + header + rest)
    long = chunk(b"IHDR", header[8:18] + b"\1" + header[19:21] + b"more")
    w.good("png/header-twice-and-long.png", rgb[:8] + header + long + rest)
    rows = w.rgb[: HEIGHT // 2].astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in rows)
    fewer = png(w.rgb.astype(int), 8, 2, compressed=zlib.compress(rows))
    w.good("png/fewer-rows.png", fewer)
    samples = (np.arange(HEIGHT)[:, None, None] + np.arange(WIDTH)[None, :, None]) % 16
    tables = b"".join(chunk(b"PLTE", palette[at : at + 16].tobytes()) for at in (0, 16))
    w.good("png/palette-twice.png", png(samples, 4, 3, before=tables))
    w.good("png/palette-missing.png", png(samples, 4, 3))
    w.good("png/palette-empty.png", png(samples, 4, 3, before=chunk(b"PLTE", b"")))
