"""TIFF: YCbCr that is compressed other than as JPEG, and numbers of signed types."""

import struct
import zlib

import numpy as np

from .tiff import tiff, tiff_tags
from .writer import photograph


def blocks(samples, across, down):
    """The lumas of each block, then its two colours."""
    height, width, _ = samples.shape
    padded = np.pad(samples, [(0, -height % down), (0, -width % across), (0, 0)], mode="edge")
    stored = bytearray()
    for y in range(0, padded.shape[0], down):
        for x in range(0, padded.shape[1], across):
            block = padded[y : y + down, x : x + across].reshape(-1, 3).astype(int)
            stored += bytes(block[:, 0].tolist() + (block.sum(0)[1:] // len(block)).tolist())
    return bytes(stored)


def pack_bits(data):
    parts = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def lzw(data):
    """Nothing but single bytes, and the table cleared before codes get longer."""
    parts = [data[at : at + 100] for at in range(0, len(data), 100)]
    bits = "".join(f"{256:09b}" + "".join(f"{byte:09b}" for byte in part) for part in parts)
    bits += f"{257:09b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def with_fractions(tags, chunks, fractions):
    """The file with `{tag: [(above, below)]}` besides."""
    flat = {tag: (4, [n for pair in pairs for n in pair]) for tag, pairs in fractions.items()}
    data = tiff({**tags, **flat}, chunks)
    for tag, pairs in fractions.items():
        as_longs = struct.pack("<HHI", tag, 4, 2 * len(pairs))
        data = data.replace(as_longs, struct.pack("<HHI", tag, 5, len(pairs)))
    return data


def ycbcr_tiffs(w):
    picture = photograph(45, 38)
    ycbcr = np.array(picture.convert("YCbCr"))
    ycbcr[::5] = np.random.default_rng(7).integers(0, 256, ycbcr[::5].shape)
    height, width, _ = ycbcr.shape

    def tags(rows, across, down, compression=8):
        base = tiff_tags(ycbcr, 8, 6, rows, compression=compression)
        return {**base, 530: (3, [across, down])}

    packers = [("lzw", 5, lzw), ("deflate", 8, zlib.compress), ("packbits", 32773, pack_bits)]
    for name, compression, pack in packers:
        for across, down in [(1, 1), (2, 1), (2, 2)]:
            chunks = [pack(blocks(ycbcr[y : y + 16], across, down)) for y in range(0, height, 16)]
            data = tiff(tags(16, across, down, compression), chunks)
            w.good(f"tiff/ycbcr-{name}-{across}x{down}.tif", data)
    for across, down in [(1, 2), (4, 1), (4, 2), (4, 4)]:
        for rows in [height, 6]:
            parts = [ycbcr[y : y + rows] for y in range(0, height, rows)]
            chunks = [zlib.compress(blocks(part, across, down)) for part in parts]
            w.good(f"tiff/ycbcr-{across}x{down}-{rows}.tif", tiff(tags(rows, across, down), chunks))
    whole = [zlib.compress(blocks(ycbcr, 2, 2))]
    untold = tags(height, 2, 2)
    del untold[530]
    w.good("tiff/ycbcr-untold.tif", tiff(untold, whole))
    padded = np.pad(ycbcr, [(0, -height % 16), (0, -width % 16), (0, 0)])
    corners = [(y, x) for y in range(0, height, 16) for x in range(0, width, 16)]
    tiled = {322: (3, [16]), 323: (3, [16])}
    for across, down in [(1, 1), (2, 2), (4, 4)]:
        parts = [padded[y : y + 16, x : x + 16] for y, x in corners]
        chunks = [zlib.compress(blocks(part, across, down)) for part in parts]
        with_tiles = {**tags(16, across, down), **tiled}
        del with_tiles[278]
        data = tiff(with_tiles, chunks, order=">", tiled=True)
        w.good(f"tiff/ycbcr-tiles-{across}x{down}.tif", data)
    rows = range(0, height, 10)
    planes = [zlib.compress(ycbcr[y : y + 10, :, c].tobytes()) for c in range(3) for y in rows]
    w.good("tiff/ycbcr-planes.tif", tiff({**tags(10, 1, 1), 284: (3, [2])}, planes))
    bt709 = {529: [(2126, 10000), (7152, 10000), (722, 10000)]}
    limited = {532: [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)]}
    for name, fractions in [
        ("709", bt709),
        ("limited", limited),
        ("709-limited", bt709 | limited),
        ("divided-by-zero", {529: [(299, 0), (587, 1000), (114, 1000)]}),
        ("without-range", {532: [(16, 1), (16, 1), *limited[532][2:]]}),
    ]:
        data = with_fractions(tags(height, 2, 2), whole, fractions)
        w.good(f"tiff/ycbcr-{name}.tif", data)
    differences = np.diff(ycbcr, axis=1, prepend=np.zeros((height, 1, 3), np.uint8))
    predicted = {**tags(height, 1, 1), 317: (3, [2])}
    w.good("tiff/ycbcr-predictor.tif", tiff(predicted, [zlib.compress(differences.tobytes())]))
    grey = ycbcr[:, :, :1]
    w.good("tiff/ycbcr-luma.tif", tiff(tiff_tags(grey, 8, 6, height), [grey.tobytes()]))
    signed_numbers(w, np.array(picture))


def signed_numbers(w, rgb):
    """Sizes and the like as signed integers, which some writers take."""
    height, width, _ = rgb.shape
    plain = tiff(tiff_tags(rgb, 8, 2, height), [rgb.tobytes()])
    for name, kind in [("byte", 6), ("short", 8), ("long", 9)]:
        data = plain
        for tag, number in [(256, width), (257, height), (262, 2), (277, 3)]:
            entry = data.index(struct.pack("<HHI", tag, 3, 1))
            value = struct.pack("<HHIi", tag, kind, 1, number)
            data = data[:entry] + value + data[entry + 12 :]
        w.good(f"tiff/signed-{name}.tif", data)
