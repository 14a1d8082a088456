"""AVIF: subsamplings, depths, ranges, alpha, a sequence, lossless, a grid."""

import struct

import imagecodecs
import numpy as np
from PIL import Image

from .writer import photograph, saved


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, *parts, version=0, flags=0):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def payload(file, path):
    """What is in the box that `path` leads to."""
    for kind in path:
        at = 0
        while True:
            size, name = struct.unpack_from(">I4s", file, at)
            if name == kind:
                # The meta box has a version in front.
                file = file[at + (12 if kind == b"meta" else 8) : at + size]
                break
            at += size
    return file


def grid(tiles, columns, width, height, tile_size):
    """A grid of pictures that were encoded one by one."""
    rows = len(tiles) // columns
    data = [payload(tile, [b"mdat"]) for tile in tiles]
    coding = box(b"av1C", payload(tiles[0], [b"meta", b"iprp", b"ipco", b"av1C"]))
    color = box(b"colr", payload(tiles[0], [b"meta", b"iprp", b"ipco", b"colr"]))
    count = len(tiles)
    items = [full(b"infe", struct.pack(">HH4sx", 1, 0, b"grid"), version=2)]
    items += [
        full(b"infe", struct.pack(">HH4sx", index + 2, 0, b"av01"), version=2, flags=1)
        for index in range(count)
    ]
    description = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    def meta(start):
        places = struct.pack(">HH", 0x4400, count + 1)
        places += struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(description))
        for index, piece in enumerate(data):
            places += struct.pack(">HHHHII", index + 2, 0, 0, 1, start, len(piece))
            start += len(piece)
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s12xx", 0, b"pict")),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", places, version=1),
            full(b"iinf", struct.pack(">H", count + 1), *items),
            full(b"iref", box(b"dimg", struct.pack(f">HH{count}H", 1, count, *range(2, count + 2)))),
            box(
                b"iprp",
                box(
                    b"ipco",
                    full(b"ispe", struct.pack(">II", width, height)),
                    full(b"ispe", struct.pack(">II", *tile_size)),
                    coding,
                    color,
                    full(b"pixi", bytes([3, 8, 8, 8])),
                ),
                full(
                    b"ipma",
                    struct.pack(">I", count + 1),
                    struct.pack(">HBBBB", 1, 3, 1, 4, 5),
                    *[struct.pack(">HBBBBB", index + 2, 4, 2, 0x83, 4, 5) for index in range(count)],
                ),
            ),
            box(b"idat", description),
        )

    kind = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")
    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + box(b"mdat", *data)


def avifs(w):
    even, odd = photograph(40, 32), photograph(37, 27)
    noise = Image.fromarray(w.random.integers(0, 256, (27, 37, 3), np.uint8))
    for sampling in ["4:2:0", "4:2:2", "4:4:4", "4:0:0"]:
        name = sampling.replace(":", "")
        for limits in ["full", "limited"]:
            data = saved(odd, "AVIF", subsampling=sampling, range=limits, quality=70)
            w.good(f"avif/photograph-{name}-{limits}.avif", data)
        w.good(f"avif/noise-{name}.avif", saved(noise, "AVIF", subsampling=sampling, quality=90))
        alpha = odd.copy()
        alpha.putalpha(Image.linear_gradient("L").resize(odd.size))
        w.good(f"avif/alpha-{name}.avif", saved(alpha, "AVIF", subsampling=sampling))
    w.good("avif/even.avif", saved(even, "AVIF", quality=60))
    w.good("avif/one-pixel.avif", saved(odd.crop((0, 0, 1, 1)), "AVIF"))
    w.good("avif/column.avif", saved(odd.crop((0, 0, 1, 27)), "AVIF"))
    w.good("avif/lossless.avif", saved(odd, "AVIF", quality=100, subsampling="4:4:4"))
    w.good("avif/sequence.avif", saved(odd, "AVIF", save_all=True, append_images=[noise]))
    for bits in [10, 12]:
        deep = np.array(alpha).astype(np.uint16) * ((1 << bits) - 1) // 255
        for name in ["420", "422", "444", "400"]:
            for kind, samples in [("rgb", deep[:, :, :3]), ("rgba", deep)]:
                samples = np.ascontiguousarray(samples)
                options = {"bitspersample": bits, "pixelformat": name, "level": 60}
                data = imagecodecs.avif_encode(samples, **options)
                w.good(f"avif/{kind}-{bits}-bits-{name}.avif", data)
    large = photograph(150, 144)
    tiles = [
        saved(large.crop((x, y, x + 64, y + 64)), "AVIF", quality=60)
        for y in (0, 64, 80)
        for x in (0, 64, 86)
    ]
    w.good("avif/grid.avif", grid(tiles, 3, 150, 144, (64, 64)))
