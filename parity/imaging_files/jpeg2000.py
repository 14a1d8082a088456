"""JPEG 2000: kinds of files, depths, wavelets, tiles, colours, palettes."""

import struct

import numpy as np
from PIL import Image

from .avif import box
from .writer import photograph, saved


def jp2(codestream, width, height, components, depth=8, colors=17, more=b""):
    """A file around a codestream, with any colours."""
    return b"".join(
        [
            box(b"jP  ", b"\r\n\x87\n"),
            box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
            box(
                b"jp2h",
                box(b"ihdr", struct.pack(">IIHBBBB", height, width, components, depth - 1, 7, 0, 0)),
                box(b"colr", struct.pack(">BBBI", 1, 0, 0, colors)),
                more,
            ),
            box(b"jp2c", codestream),
        ]
    )


def jpeg2000s(w):
    odd = photograph(37, 27)
    alpha = odd.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(odd.size))
    grey16 = Image.fromarray(w.random.integers(0, 65536, (27, 37)).astype(np.uint16))
    for mode, image in [
        ("rgb", odd),
        ("rgba", alpha),
        ("grey", odd.convert("L")),
        ("grey-alpha", alpha.convert("LA")),
        ("grey-16", grey16),
        ("ycc", odd.convert("YCbCr")),
        ("cmyk", odd.convert("CMYK")),
    ]:
        w.good(f"jpeg2000/{mode}.jp2", saved(image, "JPEG2000"))
    for mode, image in [("rgb", odd), ("grey", odd.convert("L")), ("grey-16", grey16)]:
        w.good(f"jpeg2000/{mode}.j2k", saved(image, "JPEG2000", no_jp2=True))
    w.good("jpeg2000/tiles.jp2", saved(odd, "JPEG2000", tile_size=(16, 16), num_resolutions=3))
    w.good("jpeg2000/offset.jp2", saved(odd, "JPEG2000", offset=(5, 3), tile_size=(32, 32)))
    w.good("jpeg2000/no-mct.jp2", saved(odd, "JPEG2000", mct=0))
    w.good("jpeg2000/one-level.jp2", saved(odd, "JPEG2000", num_resolutions=1))
    blocks = {"codeblock_size": (4, 4), "precinct_size": (32, 32), "progression": "RPCL"}
    w.good("jpeg2000/precincts.jp2", saved(odd, "JPEG2000", **blocks))
    indices = odd.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    stream = saved(Image.fromarray(np.array(indices)), "JPEG2000", no_jp2=True)
    colors = np.array(indices.getpalette()[:48], np.uint8)
    colors[3:6] = colors[:3]  # twice the same: Pillow keeps one
    table = box(b"pclr", struct.pack(">HB", 16, 3), bytes([7, 7, 7]), colors.tobytes())
    w.good("jpeg2000/palette.jp2", jp2(stream, 37, 27, 1, colors=16, more=table))
    for quality in [10, 40]:
        lossy = {"irreversible": True, "quality_mode": "rates", "quality_layers": [quality]}
        w.good(f"jpeg2000/lossy-{quality}.jp2", saved(odd, "JPEG2000", **lossy))
        w.good(f"jpeg2000/lossy-{quality}-grey.jp2", saved(odd.convert("L"), "JPEG2000", **lossy))
