"""GIF: palettes, transparency, frames smaller than the screen."""

import struct

import numpy as np
from PIL import ImageOps

from .writer import HEIGHT, WIDTH, photograph, saved


def lzw(indices, code_size):
    """Literal codes with a clear code before the width would grow: valid, if not small."""
    clear, end = 1 << code_size, (1 << code_size) + 1
    width = code_size + 1
    codes = []
    for position, index in enumerate(indices):
        if position % ((1 << code_size) - 2) == 0:
            codes.append(clear)
        codes.append(index)
    codes.append(end)
    bits = count = 0
    data = bytearray()
    for code in codes:
        bits |= code << count
        count += width
        while count >= 8:
            data.append(bits & 255)
            bits >>= 8
            count -= 8
    if count:
        data.append(bits & 255)
    blocks = b"".join(
        bytes([len(data[i : i + 255])]) + bytes(data[i : i + 255]) for i in range(0, len(data), 255)
    )
    return bytes([code_size]) + blocks + b"\0"


def gif(
    screen,
    frame,
    indices,
    bits,
    global_palette=None,
    local_palette=None,
    transparent=None,
    interlaced=False,
    background=0,
):
    """`frame`: (left, top, width, height); `indices`: [height, width]."""
    flags = 0x80 | (bits - 1) if global_palette is not None else 0
    file = b"GIF89a" + struct.pack("<HHBBB", *screen, flags, background, 0)
    file += global_palette.tobytes() if global_palette is not None else b""
    file += b"\x21\xfe\x05hello\0"
    if transparent is not None:
        file += b"\x21\xf9\x04" + bytes([1, 10, 0, transparent]) + b"\0"
    flags = (0x40 if interlaced else 0) | (0x80 | (bits - 1) if local_palette is not None else 0)
    file += b"," + struct.pack("<HHHHB", *frame, flags)
    file += local_palette.tobytes() if local_palette is not None else b""
    rows = list(range(len(indices)))
    if interlaced:
        rows = rows[0::8] + rows[4::8] + rows[2::4] + rows[1::2]
    stored = [int(index) for row in rows for index in indices[row]]
    return file + lzw(stored, max(bits, 2)) + b";"


def gifs(w):
    random = w.random
    palette = random.integers(0, 256, (16, 3), np.uint8)
    other = random.integers(0, 256, (16, 3), np.uint8)
    screen, full = (WIDTH, HEIGHT), (0, 0, WIDTH, HEIGHT)
    indices = random.integers(0, 16, (HEIGHT, WIDTH))
    part, small = (3, 4, 13, 11), random.integers(0, 16, (11, 13))
    w.good("gif/global.gif", gif(screen, full, indices, 4, palette))
    w.good("gif/local.gif", gif(screen, full, indices, 4, None, other))
    w.good("gif/both.gif", gif(screen, full, indices, 4, palette, other))
    w.good("gif/interlaced.gif", gif(screen, full, indices, 4, palette, interlaced=True))
    w.good("gif/transparent.gif", gif(screen, full, indices, 4, palette, transparent=3))
    w.good("gif/small-frame.gif", gif(screen, part, small, 4, palette, background=2))
    w.good(
        "gif/small-frame-transparent.gif",
        gif(screen, part, small, 4, palette, transparent=5, background=2),
    )
    w.good(
        "gif/small-frame-local-interlaced.gif",
        gif(screen, part, small, 4, palette, other, transparent=5, interlaced=True),
    )
    w.good("gif/frame-leaves-screen.gif", gif((10, 9), part, small, 4, palette))
    w.good("gif/no-palette.gif", gif(screen, full, indices, 4))
    ramp = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 3, 1)
    w.good("gif/grey-ramp.gif", gif(screen, full, indices, 4, ramp))
    short = palette[:4]
    w.good("gif/two-bit.gif", gif(screen, full, indices % 4, 2, short))
    w.good("gif/one-bit.gif", gif(screen, full, indices % 2, 1, palette[:2]))
    w.good("gif/photograph.gif", saved(w.photo, "GIF"))
    w.good(
        "gif/animated.gif",
        saved(
            w.photo.quantize(64),
            "GIF",
            save_all=True,
            append_images=[ImageOps.mirror(w.photo).quantize(64)],
        ),
    )
    w.good("gif/compressed.gif", saved(photograph(60, 50).quantize(256), "GIF"))
    w.good("gif/no-trailer.gif", gif(screen, full, indices, 4, palette)[:-1])
