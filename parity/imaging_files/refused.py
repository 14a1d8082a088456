"""Files to refuse: cut off, corrupt, no images at all, and bombs."""

import struct
import zlib

import numpy as np
from PIL import Image

from .bmp import bmp
from .gif import gif
from .png import chunk, png
from .tiff import strips, tiff, tiff_tags
from .webp import riff, u24
from .writer import photograph, saved


def bads(w):
    odd = photograph(37, 27)
    whole = {
        "baseline.jpg": saved(odd, "JPEG", quality=85),
        "progressive.jpg": saved(odd, "JPEG", quality=85, progressive=True),
        "restart.jpg": saved(odd, "JPEG", quality=85, restart_marker_blocks=2),
        "rgb.png": saved(odd, "PNG"),
        "lossless.webp": saved(odd, "WEBP", lossless=True),
        "lossy.webp": saved(odd, "WEBP", quality=80),
        "photograph.gif": saved(odd, "GIF"),
        "rgb.bmp": saved(odd, "BMP"),
        "rgb.tif": saved(odd, "TIFF"),
        "lzw.tif": saved(odd, "TIFF", compression="tiff_lzw"),
        "still.avif": saved(odd, "AVIF", quality=70),
        "rgb.jp2": saved(odd, "JPEG2000"),
        "rgb.ppm": saved(odd, "PPM"),
        "rgb.tga": saved(odd, "TGA"),
        "rle.tga": saved(odd, "TGA", compression="tga_rle"),
        "rgb.pcx": saved(odd, "PCX"),
        "rgb.sgi": saved(odd, "SGI"),
        "rgb.qoi": saved(odd, "QOI"),
        "rgb.ico": saved(odd, "ICO", sizes=[(37, 27)], bitmap_format="bmp"),
    }
    for name, data in whole.items():
        stem, suffix = name.split(".")
        for percent in [5, 50, 90]:
            if stem in ("rgb", "lzw") and suffix == "tif" and percent == 90:
                continue  # the directory is at the end
            w.bad(f"cut-{percent}-{stem}.{suffix}", data[: len(data) * percent // 100])
    w.bad("empty.bin", b"")
    w.bad("zeros.bin", b"\0" * 64)
    w.bad("zip.bin", b"PK\x03\x04" + b"\0" * 60)
    w.bad("svg.bin", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    w.bad("html.bin", b"<!doctype html><title>404</title>")
    w.bad("only-signature.png", b"\x89PNG\r\n\x1a\n")
    w.bad("only-signature.jpg", b"\xff\xd8\xff")
    w.bad("only-signature.gif", b"GIF89a")
    w.bad("only-signature.bmp", b"BM")
    w.bad("only-signature.tif", b"II*\0")
    w.bad("only-signature.webp", b"RIFF\x10\0\0\0WEBPVP8 ")
    rgb = np.array(odd).astype(int)
    whole_png = png(rgb, 8, 2)
    w.bad("header-crc.png", whole_png[:29] + b"\0\0\0\0" + whole_png[33:])
    w.bad(
        "zero-width.png",
        png(np.zeros((1, 1, 3), int), 8, 2).replace(
            struct.pack(">II", 1, 1), struct.pack(">II", 0, 1)
        ),
    )
    w.bad("short-rows.png", png(rgb, 8, 2, compressed=zlib.compress(b"\0" * 1000)))
    zero = bytearray(whole["baseline.jpg"])
    at = zero.index(b"\xff\xc0")
    zero[at + 7 : at + 9] = b"\0\0"
    w.bad("zero-width.jpg", bytes(zero))
    w.bad("zero-height.bmp", bmp(4, 0, 24, b"\0" * 16))
    w.bad("no-frame.gif", b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + b";")
    tags = tiff_tags(rgb, 8, 2, 7)
    tags[256] = (3, [0])
    w.bad("zero-width.tif", tiff(tags, strips(rgb, 8)))
    # Bombs: small files with large claims.
    size, claim = struct.pack(">II", 37, 27), struct.pack(">II", 60_000, 60_000)
    w.bad("bomb-60000x60000.avif", whole["still.avif"].replace(size, claim))
    stream = saved(odd, "JPEG2000", no_jp2=True)
    w.bad("bomb-60000x60000.j2k", stream.replace(size, claim))
    w.bad("bomb-60000x60000.ppm", b"P6 60000 60000 255 ")
    w.bad("bomb-65535x65535.tga", whole["rle.tga"][:12] + b"\xff\xff\xff\xff\x18\0" + b"\xff" * 64)
    w.bad("bomb-60000x60000.qoi", b"qoif" + claim + b"\3\0" + b"\xfd" * 64)
    psd = struct.pack(">H6xHIIHH", 1, 3, 60_000, 60_000, 8, 3) + b"\0" * 12 + b"\0\1"
    w.bad("bomb-60000x60000.psd", b"8BPS" + psd)
    side = 40_000
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    stream = zlib.compress(b"\0" * 500_000, 9)
    w.bad(
        "bomb-40000x40000.png",
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", stream)
        + chunk(b"IEND", b""),
    )
    w.bad(
        "bomb-65535x65535.gif",
        gif(
            (65535, 65535),
            (0, 0, 65535, 65535),
            np.zeros((4, 4), int),
            2,
            np.zeros((4, 3), np.uint8),
        ),
    )
    frame = gif((4, 4), (0, 0, 65535, 65535), np.zeros((4, 4), int), 2, np.zeros((4, 3), np.uint8))
    w.bad("bomb-frame.gif", frame)
    huge = struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    w.bad("bomb-16384x16384.webp", riff([(b"VP8L", b"\x2f" + huge + b"\0" * 40)]))
    extended = bytes([0, 0, 0, 0]) + u24(0xFFFFFE) + u24(0xFFFFFE)
    w.bad(
        "bomb-canvas.webp",
        riff([(b"VP8X", extended), (b"VP8L", b"\x2f" + struct.pack("<I", 0) + b"\0" * 40)]),
    )
    small = bytes([0, 0, 0, 0]) + u24(3) + u24(3)
    w.bad("bomb-frame.webp", riff([(b"VP8X", small), (b"VP8L", b"\x2f" + huge + b"\0" * 40)]))
    tags = {
        256: (4, [60000]),
        257: (4, [60000]),
        258: (3, [8, 8, 8]),
        259: (3, [8]),
        262: (3, [2]),
        277: (3, [3]),
        278: (4, [60000]),
    }
    w.bad("bomb-60000x60000.tif", tiff(tags, [zlib.compress(b"\0" * 100000)]))
    tags = {
        256: (4, [16]),
        257: (4, [16]),
        258: (3, [8, 8, 8]),
        259: (3, [8]),
        262: (3, [2]),
        277: (3, [3]),
        322: (4, [0xFFFFFFF0]),
        323: (4, [0xFFFFFFF0]),
    }
    w.bad("bomb-tile.tif", tiff(tags, [zlib.compress(b"\0" * 100000)], tiled=True))
    w.bad("bomb-30000x30000.bmp", bmp(30000, 30000, 24, b"\0" * 64))
    run = bytes([255, 1]) * 200
    w.bad("bomb-rle.bmp", bmp(30000, 30000, 8, run, b"\0" * 1024, compression=1))
    dimension = bytearray(whole["progressive.jpg"])
    at = dimension.index(b"\xff\xc2")
    dimension[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    w.bad("bomb-65535x65535.jpg", bytes(dimension))
    w.bad("bomb-scans.jpg", many_scans(), refused=False)


def many_scans():
    """A progressive grey picture whose last scan is there 150 times more."""
    picture = Image.new("L", (2048, 2048), 77)
    data = saved(picture, "JPEG", progressive=True, quality=50)
    last = data.rindex(b"\xff\xda")
    tables = data.rindex(b"\xff\xc4")
    scan = data[min(last, tables) if last - tables < 64 else last : -2]
    return data[:-2] + scan * 150 + b"\xff\xd9"
