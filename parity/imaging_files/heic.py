"""HEIC: subsamplings, depths, ranges, matrices, alpha, turns, a crop, a grid. Pillow reads them by its plugin, pillow_heif."""

import io
import struct

import numpy as np
import pillow_heif
from PIL import Image

from .avif import box, full, payload
from .writer import photograph

pillow_heif.register_heif_opener()


def heics(w):
    even, odd = photograph(80, 64), photograph(37, 27)
    for chroma in ["420", "422", "444"]:
        w.good(f"heic/photograph-{chroma}.heic", encoded(odd, chroma=chroma))
        for bits in [10, 12]:
            pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
            deep = io.BytesIO()
            samples = np.array(odd).astype(np.uint16) * 257
            pillow_heif.encode("RGB;16", odd.size, samples.tobytes(), deep, chroma=chroma)
            w.good(f"heic/{bits}-bits-{chroma}.heic", deep.getvalue())
        for matrix in [1, 6, 9]:
            options = {"matrix_coefficients": matrix, "full_range_flag": 0, "chroma": chroma}
            w.good(f"heic/limited-{matrix}-{chroma}.heic", encoded(odd, **options))
    lossless = encoded(odd, quality=-1, chroma="444", matrix_coefficients=0)
    w.good("heic/lossless.heic", lossless)
    w.good("heic/grey.heic", encoded(odd.convert("L")))
    alpha = odd.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(odd.size))
    w.good("heic/alpha.heic", encoded(alpha))
    w.good("heic/one-pixel.heic", encoded(odd.crop((0, 0, 1, 1))))
    # Of odd sides libheif turns colours and lumas apart, so that they no longer fit together.
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(even, exif=exif.tobytes())
        w.good(f"heic/orientation-{orientation}.heic", data)
    corners = [(x, y) for y in (0, 64) for x in (0, 64)]
    whole = even.resize((128, 128))
    tiles = [encoded(whole.crop((x, y, x + 64, y + 64))) for x, y in corners]
    w.good("heic/grid.heic", grid(tiles, 2, 100, 90, (64, 64)))
    crop = box(b"clap", struct.pack(">IIIIiIiI", 60, 1, 50, 1, -8, 1, 10, 1))
    w.good("heic/grid-cropped.heic", grid(tiles, 2, 100, 90, (64, 64), crop))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "HEIF", **options)
    return buffer.getvalue()


def grid(tiles, columns, width, height, tile_size, *more):
    """A grid of pictures that were encoded one by one, with the properties `more`."""
    rows = len(tiles) // columns
    data = [payload(tile, [b"mdat"]) for tile in tiles]
    of_tiles = [b"meta", b"iprp", b"ipco"]
    coding = box(b"hvcC", payload(tiles[0], [*of_tiles, b"hvcC"]))
    color = box(b"colr", payload(tiles[0], [*of_tiles, b"colr"]))
    count = len(tiles)
    items = [full(b"infe", struct.pack(">HH4sx", 1, 0, b"grid"), version=2)]
    items += [
        full(b"infe", struct.pack(">HH4sx", index + 2, 0, b"hvc1"), version=2, flags=1)
        for index in range(count)
    ]
    description = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    of_all = [1, 4, *range(5, 5 + len(more))]

    def meta(start):
        places = struct.pack(">HH", 0x4400, count + 1)
        places += struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(description))
        for index, piece in enumerate(data):
            places += struct.pack(">HHHHII", index + 2, 0, 0, 1, start, len(piece))
            start += len(piece)
        of_each = [struct.pack(">HBBBB", index + 2, 3, 2, 0x83, 4) for index in range(count)]
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s12xx", 0, b"pict")),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", places, version=1),
            full(b"iinf", struct.pack(">H", count + 1), *items),
            full(
                b"iref", box(b"dimg", struct.pack(f">HH{count}H", 1, count, *range(2, count + 2)))
            ),
            box(
                b"iprp",
                box(
                    b"ipco",
                    full(b"ispe", struct.pack(">II", width, height)),
                    full(b"ispe", struct.pack(">II", *tile_size)),
                    coding,
                    color,
                    *more,
                ),
                full(
                    b"ipma",
                    struct.pack(">I", count + 1),
                    struct.pack(f">HB{len(of_all)}B", 1, len(of_all), *of_all),
                    *of_each,
                ),
            ),
            box(b"idat", description),
        )

    kind = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + box(b"mdat", *data)
