"""TIFF: what libtiff decompresses, and layouts that few writers choose."""

import lzma
import struct
import zlib

import numpy as np
from PIL import Image

from .tiff import tiff, tiff_tags
from .writer import photograph, saved

YCBCR_SUBSAMPLING = 530


def compressed_tiffs(w):
    picture = photograph(45, 38)
    grey = picture.convert("L")
    bilevel = picture.convert("1")
    for mode in ["RGB", "L", "CMYK", "YCbCr"]:
        image = picture.convert(mode)
        w.good(f"tiff/jpeg-{mode.lower()}.tif", saved(image, "TIFF", compression="jpeg"))
    rows = {278: 16}
    w.good(
        "tiff/jpeg-strips.tif",
        saved(picture.convert("YCbCr"), "TIFF", compression="jpeg", tiffinfo=rows),
    )
    w.good("tiff/jpeg-grey-strips.tif", saved(grey, "TIFF", compression="jpeg", tiffinfo=rows))
    for compression in ["group3", "group4", "tiff_ccitt"]:
        w.good(f"tiff/{compression}.tif", saved(bilevel, "TIFF", compression=compression))
        options = {"compression": compression, "tiffinfo": {278: 10}}
        w.good(f"tiff/{compression}-strips.tif", saved(bilevel, "TIFF", **options))
    two = {"compression": "group3", "tiffinfo": {292: 1}}
    w.good("tiff/group3-two-dimensional.tif", saved(bilevel, "TIFF", **two))
    aligned = {"compression": "group3", "tiffinfo": {292: 4}}
    w.good("tiff/group3-aligned.tif", saved(bilevel, "TIFF", **aligned))
    blank = Image.new("1", (37, 12), 1)
    blank.paste(0, (3, 4, 30, 9))
    w.good("tiff/group4-box.tif", saved(blank, "TIFF", compression="group4"))
    for compression in ["lzma", "zstd"]:
        for image in [picture, grey]:
            name = f"tiff/{compression}-{image.mode.lower()}.tif"
            w.good(name, saved(image, "TIFF", compression=compression))
    layouts(w, np.array(picture), np.array(grey))
    numbers(w, np.array(grey))


def layouts(w, rgb, grey):
    """Tiles of any size, sizes left out, planes left out, a version in the wrong order."""
    height, width, _ = rgb.shape
    base = tiff_tags(rgb, 8, 2, height)

    def cut(samples, wide, high):
        padded = np.pad(samples, [(0, -height % high), (0, -width % wide), (0, 0)])
        for y in range(0, height, high):
            for x in range(0, width, wide):
                yield padded[y : y + high, x : x + wide].tobytes()

    for wide, high in [(20, 10), (7, 5), (64, 64)]:
        tags = {**base, 322: (4, [wide]), 323: (4, [high])}
        del tags[278]
        w.good(f"tiff/tiles-{wide}x{high}.tif", tiff(tags, list(cut(rgb, wide, high)), tiled=True))
    several = tiff(base, [rgb.tobytes(), (255 - rgb).tobytes()])
    w.good("tiff/strips-on-top.tif", several)
    entry = several.index(struct.pack("<HHI", 278, 3, 1))
    w.good("tiff/strips-without-rows.tif", several[:entry] + b"\x50\xff" + several[entry + 2 :])
    deflate = {**base, 259: (3, [8])}
    whole = tiff(deflate, [zlib.compress(rgb.tobytes())])
    entry = whole.index(struct.pack("<HHI", 279, 4, 1))
    w.good("tiff/byte-count-zero.tif", whole[: entry + 8] + b"\0" * 4 + whole[entry + 12 :])
    w.good("tiff/byte-count-missing.tif", whole[:entry] + b"\x50\xff" + whole[entry + 2 :])
    for order, mark in [("<", b"II\0*"), (">", b"MM*\0")]:
        plain = tiff(base, [rgb.tobytes()], order=order)
        w.good(f"tiff/swapped-version-{mark[:1].decode().lower()}.tif", mark + plain[4:])
    ycbcr = {**base, 262: (3, [6]), YCBCR_SUBSAMPLING: (3, [1, 1])}
    stored = np.array(Image.fromarray(rgb).convert("YCbCr"))
    w.good("tiff/ycbcr.tif", tiff(ycbcr, [stored.tobytes()]))
    extra = {**tiff_tags(np.dstack([grey, grey]), 8, 1, height, planar=2), 338: (3, [0])}
    extra[259] = (3, [8])
    planes = [zlib.compress(grey.tobytes()), zlib.compress((255 - grey).tobytes())]
    w.good("tiff/planes-extra.tif", tiff(extra, planes))
    xz = {**base, 259: (3, [34925]), 317: (3, [2])}
    differences = np.diff(rgb, axis=1, prepend=np.zeros((height, 1, 3), np.uint8))
    w.good("tiff/lzma-predictor.tif", tiff(xz, [lzma.compress(differences.tobytes())]))


def numbers(w, grey):
    """12 bits, and floating-point numbers with their own predictor."""
    height, width = grey.shape
    twelve = grey.astype(np.uint16) * 2 % 4096
    pairs = np.pad(twelve, [(0, 0), (0, width % 2)]).reshape(height, -1, 2).astype(np.uint32)
    packed = pairs[:, :, 0] << 12 | pairs[:, :, 1]
    rows = np.stack([packed >> 16, packed >> 8, packed], -1).astype(np.uint8).reshape(height, -1)
    rows = rows[:, : (width * 12 + 7) // 8]
    tags = tiff_tags(twelve[:, :, None], 12, 1, height)
    w.good("tiff/grey-12.tif", tiff(tags, [rows.tobytes()]))
    w.good(
        "tiff/grey-12-deflate.tif", tiff({**tags, 259: (3, [8])}, [zlib.compress(rows.tobytes())])
    )
    floats = grey.astype(np.float32) * 1.3 - 20
    planes = floats.astype(">f4").tobytes()
    by_place = np.frombuffer(planes, np.uint8).reshape(height, width, 4).transpose(0, 2, 1)
    flat = by_place.reshape(height, -1)
    stored = np.diff(flat, axis=1, prepend=np.zeros((height, 1), np.uint8))
    tags = {**tiff_tags(floats[:, :, None], 32, 1, height), 339: (3, [3])}
    for order, mark in [("<", "le"), (">", "be")]:
        deflate = {**tags, 259: (3, [8])}
        data = zlib.compress(floats.astype(f"{order}f4").tobytes())
        w.good(f"tiff/float-deflate-{mark}.tif", tiff(deflate, [data], order=order))
        predicted = {**deflate, 317: (3, [3])}
        w.good(
            f"tiff/float-predictor-{mark}.tif",
            tiff(predicted, [zlib.compress(stored.tobytes())], order=order),
        )
        signed = {**tiff_tags(grey[:, :, None], 16, 1, height), 339: (3, [2]), 259: (3, [8])}
        data = zlib.compress((grey.astype(int) * 2 - 100).astype(f"{order}i2").tobytes())
        w.good(f"tiff/signed-deflate-{mark}.tif", tiff(signed, [data], order=order))
