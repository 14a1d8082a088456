"""TIFF: sample layouts, compressions, strips, tiles, planes, both byte orders."""

import struct
import zlib

import numpy as np
from PIL import ImageOps

from .png import pack
from .writer import GREY16, HEIGHT, WIDTH, photograph, saved


def tiff(tags, chunks, order="<", big=False, tiled=False):
    """`tags`: {tag: (type, numbers)}; the chunks' offsets and sizes are added."""
    sizes = {1: "B", 3: "H", 4: "I", 16: "Q", 7: "B"}
    offset_type = 16 if big else 4
    header = 16 if big else 8
    body = b"".join(chunks)
    offsets = [header + sum(map(len, chunks[:i])) for i in range(len(chunks))]
    tags = dict(tags)
    tags[324 if tiled else 273] = (offset_type, offsets)
    tags[325 if tiled else 279] = (4, [len(data) for data in chunks])
    body += b"\0" * (len(body) % 2)
    directory_at = header + len(body)
    entry_size, inline = (20, 8) if big else (12, 4)
    values_at = directory_at + (8 if big else 2) + entry_size * len(tags) + (8 if big else 4)
    values = b""
    directory = struct.pack(order + ("Q" if big else "H"), len(tags))
    for tag, (kind, numbers) in sorted(tags.items()):
        data = struct.pack(order + sizes[kind] * len(numbers), *numbers)
        entry = struct.pack(order + "HH" + ("Q" if big else "I"), tag, kind, len(numbers))
        if len(data) <= inline:
            entry += data + b"\0" * (inline - len(data))
        else:
            entry += struct.pack(order + ("Q" if big else "I"), values_at + len(values))
            values += data + b"\0" * (len(data) % 2)
        directory += entry
    directory += b"\0" * (8 if big else 4)
    mark = b"II" if order == "<" else b"MM"
    if big:
        file = mark + struct.pack(order + "HHHQ", 43, 8, 0, directory_at)
    else:
        file = mark + struct.pack(order + "HI", 42, directory_at)
    return file + body + directory + values


def tiff_tags(samples, bits, photometric, rows, **more):
    height, width, channels = samples.shape
    tags = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [bits] * channels),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [channels]),
        278: (3, [rows]),
    }
    names = {
        "compression": 259,
        "predictor": 317,
        "planar": 284,
        "extra": 338,
        "fill": 266,
        "format": 339,
        "orientation": 274,
        "palette": 320,
    }
    for name, value in more.items():
        tags[names[name]] = (3, value if isinstance(value, list) else [value])
    return tags


def raw_rows(samples, bits, order):
    flat = samples.reshape(samples.shape[0], -1)
    if bits in (16, 32):
        return [row.astype(f"{order}u{bits // 8}").tobytes() for row in flat]
    return pack(flat, bits)


def strips(samples, bits, order="<", rows=7, pack_strip=lambda data: data):
    return [
        pack_strip(b"".join(raw_rows(samples[y : y + rows], bits, order)))
        for y in range(0, samples.shape[0], rows)
    ]


def tiles(samples, bits, order="<", side=16, pack_tile=lambda data: data):
    height, width, channels = samples.shape
    result = []
    for y in range(0, height, side):
        for x in range(0, width, side):
            tile = np.zeros((side, side, channels), samples.dtype)
            part = samples[y : y + side, x : x + side]
            tile[: part.shape[0], : part.shape[1]] = part
            result.append(pack_tile(b"".join(raw_rows(tile, bits, order))))
    return result


def tiffs(w):
    random = w.random
    size = (HEIGHT, WIDTH)
    rgb = w.rgb.astype(np.int64)
    grey = random.integers(0, 256, size + (1,))
    for order, mark in [("<", "le"), (">", "be")]:

        def write(name, samples, bits, photometric, order=order, mark=mark, **more):
            data = tiff(
                tiff_tags(samples, bits, photometric, 7, **more),
                strips(samples, bits, order),
                order,
            )
            w.good(f"tiff/{name}-{mark}.tif", data)

        write("rgb-8", rgb, 8, 2)
        write("rgb-16", random.integers(0, 65536, size + (3,)), 16, 2)
        write("grey-8", grey, 8, 1)
        write("grey-8-white-is-zero", grey, 8, 0)
        write("grey-16", random.choice(GREY16, size + (1,)).astype(np.int64), 16, 1)
        write(
            "grey-16-signed", random.choice(GREY16, size + (1,)).astype(np.int64), 16, 1, format=2
        )
        write(
            "grey-32-signed", random.integers(-300, 600, size + (1,)) & 0xFFFFFFFF, 32, 1, format=2
        )
        floats = (
            random.uniform(-50, 300, size + (1,))
            .astype(np.float32)
            .view(np.uint32)
            .astype(np.int64)
        )
        write("grey-float", floats, 32, 1, format=3)
        for bits in [1, 2, 4]:
            write(f"grey-{bits}", random.integers(0, 1 << bits, size + (1,)), bits, 1)
            write(f"grey-{bits}-white-is-zero", random.integers(0, 1 << bits, size + (1,)), bits, 0)
        for bits in [1, 2, 4, 8]:
            table = random.integers(0, 65536, 3 << bits).tolist()
            write(
                f"palette-{bits}",
                random.integers(0, 1 << bits, size + (1,)),
                bits,
                3,
                palette=table,
            )
        rgba = random.integers(0, 256, size + (4,))
        write("rgba-8-unassociated", rgba, 8, 2, extra=2)
        write("rgba-8-associated", rgba, 8, 2, extra=1)
        write("rgbx-8", rgba, 8, 2, extra=0)
        write("rgba-8-untold", rgba, 8, 2)
        write("rgba-16-unassociated", random.integers(0, 65536, size + (4,)), 16, 2, extra=2)
        write("rgba-16-associated", random.integers(0, 65536, size + (4,)), 16, 2, extra=1)
        write("rgb-8-five", random.integers(0, 256, size + (5,)), 8, 2, extra=[0, 0])
        write("grey-alpha-8", random.integers(0, 256, size + (2,)), 8, 1, extra=2)
        write("grey-extra-8", random.integers(0, 256, size + (2,)), 8, 1, extra=0)
        write("cmyk-8", rgba, 8, 5)
        write("cmyk-16", random.integers(0, 65536, size + (4,)), 16, 5)
    w.good(
        "tiff/grey-16-white-is-zero.tif",
        tiff(
            tiff_tags(grey, 16, 0, 7),
            strips(random.choice(GREY16, size + (1,)).astype(np.int64), 16),
        ),
    )
    w.good(
        "tiff/grey-32-unsigned.tif",
        tiff(tiff_tags(grey, 32, 1, 7), strips(random.integers(0, 600, size + (1,)), 32)),
    )
    w.good("tiff/big.tif", tiff(tiff_tags(rgb, 8, 2, 7), strips(rgb, 8), big=True))
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    flipped = strips(rgb, 8, pack_strip=lambda data: data.translate(reverse))
    w.good("tiff/fill-order.tif", tiff(tiff_tags(rgb, 8, 2, 7, fill=2), flipped))
    bilevel = random.integers(0, 2, size + (1,))
    w.good(
        "tiff/fill-order-bilevel.tif",
        tiff(
            tiff_tags(bilevel, 1, 1, 7, fill=2),
            strips(bilevel, 1, pack_strip=lambda d: d.translate(reverse)),
        ),
    )

    def deflate(data):
        return zlib.compress(data, 9)

    w.good(
        "tiff/deflate-strips.tif",
        tiff(tiff_tags(rgb, 8, 2, 7, compression=8), strips(rgb, 8, pack_strip=deflate)),
    )
    w.good(
        "tiff/old-deflate.tif",
        tiff(tiff_tags(rgb, 8, 2, 7, compression=32946), strips(rgb, 8, pack_strip=deflate)),
    )
    w.good(
        "tiff/deflate-bilevel.tif",
        tiff(tiff_tags(bilevel, 1, 0, 7, compression=8), strips(bilevel, 1, pack_strip=deflate)),
    )
    for bits, samples in [
        (8, rgb),
        (16, random.integers(0, 65536, size + (3,))),
        (16, random.integers(0, 400, size + (1,))),
    ]:
        for order, mark in [("<", "le"), (">", "be")]:
            photometric = 2 if samples.shape[2] == 3 else 1
            steps = samples.copy()
            steps[:, 1:] = (samples[:, 1:] - samples[:, :-1]) % (1 << bits)
            data = tiff(
                tiff_tags(samples, bits, photometric, 7, compression=8, predictor=2),
                strips(steps, bits, order, pack_strip=deflate),
                order,
            )
            w.good(f"tiff/deflate-predictor-{bits}x{samples.shape[2]}-{mark}.tif", data)
    tile_tags = tiff_tags(rgb, 8, 2, 7, compression=8)
    del tile_tags[278]
    tile_tags[322] = tile_tags[323] = (3, [16])
    w.good("tiff/tiles-deflate.tif", tiff(tile_tags, tiles(rgb, 8, pack_tile=deflate), tiled=True))
    raw_tags = dict(tile_tags)
    raw_tags[259] = (3, [1])
    w.good("tiff/tiles.tif", tiff(raw_tags, tiles(rgb, 8), tiled=True))
    w.good("tiff/tiles-be.tif", tiff(raw_tags, tiles(rgb, 8, ">"), ">", tiled=True))
    bits_tags = tiff_tags(bilevel, 1, 1, 7, compression=8)
    del bits_tags[278]
    bits_tags[322] = bits_tags[323] = (3, [16])
    w.good(
        "tiff/tiles-bilevel.tif", tiff(bits_tags, tiles(bilevel, 1, pack_tile=deflate), tiled=True)
    )
    planes = [plane for c in range(3) for plane in strips(rgb[:, :, c : c + 1], 8)]
    w.good("tiff/planes.tif", tiff(tiff_tags(rgb, 8, 2, 7, planar=2), planes))
    packed = [deflate(plane) for plane in planes]
    w.good(
        "tiff/planes-deflate.tif", tiff(tiff_tags(rgb, 8, 2, 7, planar=2, compression=8), packed)
    )
    plane_tags = dict(tile_tags)
    plane_tags[284] = (3, [2])
    w.good(
        "tiff/planes-tiles-deflate.tif",
        tiff(
            plane_tags,
            [t for c in range(3) for t in tiles(rgb[:, :, c : c + 1], 8, pack_tile=deflate)],
            tiled=True,
        ),
    )
    one = tiff_tags(rgb, 8, 2, 7)
    del one[278]
    w.good("tiff/one-strip.tif", tiff(one, strips(rgb, 8, rows=HEIGHT)))
    for orientation in range(1, 9):
        w.good(
            f"tiff/orientation-{orientation}.tif",
            tiff(tiff_tags(rgb, 8, 2, 7, orientation=orientation), strips(rgb, 8)),
        )
    for name, compression in [
        ("lzw", "tiff_lzw"),
        ("packbits", "packbits"),
        ("deflate", "tiff_adobe_deflate"),
    ]:
        for mode in ["RGB", "L", "1", "P", "RGBA", "CMYK"]:
            image = w.photo.quantize(200) if mode == "P" else w.photo.convert(mode)
            w.good(
                f"tiff/pillow-{name}-{mode.lower()}.tif",
                saved(image, "TIFF", compression=compression),
            )
    w.good(
        "tiff/pillow-lzw-predictor.tif",
        saved(photograph(60, 50), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}),
    )
    w.good(
        "tiff/two-pages.tif",
        saved(w.photo, "TIFF", save_all=True, append_images=[ImageOps.mirror(w.photo)]),
    )
