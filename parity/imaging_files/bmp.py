"""BMP: depths, bit fields, headers, run lengths."""

import struct

import numpy as np

from .png import pack
from .writer import HEIGHT, WIDTH, saved


def bmp(
    width,
    height,
    bits,
    data,
    palette=b"",
    compression=0,
    header_size=40,
    masks=None,
    colors=0,
    core=False,
    extra=b"",
    offset=None,
):
    if core:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack(
            "<IiiHHIIiiII",
            header_size,
            width,
            height,
            1,
            bits,
            compression,
            len(data),
            2835,
            2835,
            colors,
            0,
        )
        if masks and header_size > 40:
            header += struct.pack("<" + "I" * len(masks), *masks)
        header += b"\0" * (header_size - len(header))
        if masks and header_size == 40:
            header += struct.pack("<III", *masks[:3])
    start = 14 + len(header) + len(palette) + len(extra)
    file = b"BM" + struct.pack(
        "<IHHI", start + len(data), 0, 0, start if offset is None else offset
    )
    return file + header + palette + extra + data


def padded(rows):
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def bmps(w):
    random = w.random
    bottom_up = w.rgb[::-1]
    rows = [row[:, ::-1].tobytes() for row in bottom_up]
    w.good("bmp/rgb-24.bmp", bmp(WIDTH, HEIGHT, 24, padded(rows)))
    w.good("bmp/rgb-24-top-down.bmp", bmp(WIDTH, -HEIGHT, 24, padded(rows[::-1])))
    w.good("bmp/rgb-24-core.bmp", bmp(WIDTH, HEIGHT, 24, padded(rows), core=True))
    w.good("bmp/rgb-24-v5.bmp", bmp(WIDTH, HEIGHT, 24, padded(rows), header_size=124))
    w.good("bmp/rgb-24-gap.bmp", bmp(WIDTH, HEIGHT, 24, padded(rows), extra=b"gap" * 7))
    w.good(
        "bmp/rgb-24-no-last-padding.bmp",
        bmp(WIDTH, HEIGHT, 24, padded(rows)[: -(-len(rows[0]) % 4)]),
    )
    four = np.dstack([bottom_up[:, :, ::-1], random.integers(0, 256, (HEIGHT, WIDTH), np.uint8)])
    data = padded([row.tobytes() for row in four])
    w.good("bmp/rgbx-32.bmp", bmp(WIDTH, HEIGHT, 32, data))
    fields = {
        "bgrx": (0xFF0000, 0xFF00, 0xFF, 0),
        "xbgr": (0xFF000000, 0xFF0000, 0xFF00, 0),
        "bgxr": (0xFF000000, 0xFF00, 0xFF, 0),
        "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        "none": (0, 0, 0, 0),
    }
    for name, masks in fields.items():
        w.good(
            f"bmp/fields-32-{name}.bmp",
            bmp(WIDTH, HEIGHT, 32, data, compression=3, masks=masks, header_size=56),
        )
    w.good(
        "bmp/fields-32-short-header.bmp",
        bmp(WIDTH, HEIGHT, 32, data, compression=3, masks=fields["bgrx"]),
    )
    words = random.integers(0, 65536, (HEIGHT, WIDTH)).astype("<u2")
    data16 = padded([row.tobytes() for row in words])
    w.good("bmp/rgb-16.bmp", bmp(WIDTH, HEIGHT, 16, data16))
    w.good(
        "bmp/fields-16-565.bmp",
        bmp(WIDTH, HEIGHT, 16, data16, compression=3, masks=(0xF800, 0x7E0, 0x1F)),
    )
    w.good(
        "bmp/fields-16-555.bmp",
        bmp(WIDTH, HEIGHT, 16, data16, compression=3, masks=(0x7C00, 0x3E0, 0x1F)),
    )
    table = random.integers(0, 256, (256, 4), np.uint8)
    for bits in [1, 4, 8]:
        colors = 1 << bits
        indices = random.integers(0, colors, (HEIGHT, WIDTH))
        data = padded(pack(indices, bits))
        w.good(f"bmp/palette-{bits}.bmp", bmp(WIDTH, HEIGHT, bits, data, table[:colors].tobytes()))
        core = table[:colors, :3].tobytes()
        w.good(f"bmp/palette-{bits}-core.bmp", bmp(WIDTH, HEIGHT, bits, data, core, core=True))
        w.good(
            f"bmp/palette-{bits}-forgotten.bmp",
            bmp(WIDTH, HEIGHT, bits, data, table[:colors].tobytes(), offset=54),
        )
    few = bmp(
        WIDTH,
        HEIGHT,
        8,
        padded(pack(random.integers(0, 9, (HEIGHT, WIDTH)), 8)),
        table[:5].tobytes(),
        colors=5,
    )
    w.good("bmp/palette-8-short.bmp", few)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, 1)
    w.good(
        "bmp/grey-8.bmp",
        bmp(
            WIDTH,
            HEIGHT,
            8,
            padded(pack(random.integers(0, 256, (HEIGHT, WIDTH)), 8)),
            ramp.tobytes(),
        ),
    )
    w.good("bmp/bilevel.bmp", saved(w.photo.convert("1"), "BMP"))
    w.good("bmp/rle-8.bmp", bmp(WIDTH, HEIGHT, 8, rle8(random), table.tobytes(), compression=1))
    w.good("bmp/rle-8-grey.bmp", bmp(WIDTH, HEIGHT, 8, rle8(random), ramp.tobytes(), compression=1))
    w.good(
        "bmp/rle-4.bmp", bmp(WIDTH, HEIGHT, 4, rle4(random), table[:16].tobytes(), compression=2)
    )
    jumps = rle8(random, rows=HEIGHT - 3) + bytes([0, 2, 4, 1, 9, 33, 0, 0, 19, 2, 0, 0])
    w.good("bmp/rle-8-jump.bmp", bmp(WIDTH, HEIGHT, 8, jumps, table.tobytes(), compression=1))


def rle8(random, rows=HEIGHT):
    data = bytearray()
    for _ in range(rows):
        left = WIDTH
        while left > 0:
            run = int(random.integers(1, min(left, 9) + 1))
            if run >= 3 and random.integers(0, 2):
                data += (
                    bytes([0, run])
                    + random.integers(0, 256, run, np.uint8).tobytes()
                    + b"\0" * (run % 2)
                )
            else:
                data += bytes([run, int(random.integers(0, 256))])
            left -= run
        data += b"\0\0"
    return bytes(data)


def rle4(random):
    data = bytearray()
    for _ in range(HEIGHT):
        left = WIDTH
        while left > 0:
            run = int(random.integers(1, min(left, 9) + 1))
            if run >= 3 and random.integers(0, 2):
                stored = (run + 1) // 2
                data += (
                    bytes([0, run])
                    + random.integers(0, 256, stored, np.uint8).tobytes()
                    + b"\0" * (stored % 2)
                )
            else:
                data += bytes([run, int(random.integers(0, 256))])
            left -= run
        data += b"\0\0"
    return bytes(data + b"\0\1")
