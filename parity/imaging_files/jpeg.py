"""JPEG: subsampling, scans, restarts, colour models, odd sizes."""

import struct

import numpy as np
from PIL import Image

from .orientation import exif
from .writer import photograph, saved


def jpegs(w):
    odd = photograph(37, 27)
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        w.good(f"jpeg/rgb-{name}.jpg", saved(odd, "JPEG", subsampling=subsampling, quality=85))
        w.good(
            f"jpeg/rgb-{name}-progressive.jpg",
            saved(odd, "JPEG", subsampling=subsampling, quality=85, progressive=True),
        )
        w.good(
            f"jpeg/rgb-{name}-restart.jpg",
            saved(odd, "JPEG", subsampling=subsampling, quality=85, restart_marker_blocks=2),
        )
    even = photograph(64, 48)
    w.good("jpeg/even-420.jpg", saved(even, "JPEG", subsampling=2, quality=75))
    w.good("jpeg/rough-420.jpg", saved(odd, "JPEG", subsampling=2, quality=5))
    w.good("jpeg/fine-444.jpg", saved(odd, "JPEG", subsampling=0, quality=100))
    w.good("jpeg/restart-rows.jpg", saved(odd, "JPEG", quality=85, restart_marker_rows=1))
    w.good("jpeg/grey.jpg", saved(odd.convert("L"), "JPEG", quality=85))
    w.good(
        "jpeg/grey-progressive.jpg", saved(odd.convert("L"), "JPEG", quality=85, progressive=True)
    )
    for size in [
        (1, 1),
        (2, 2),
        (3, 5),
        (7, 8),
        (8, 9),
        (15, 17),
        (16, 16),
        (17, 15),
        (33, 1),
        (1, 33),
        (5, 40),
    ]:
        name = f"jpeg/size-{size[0]}x{size[1]}-420.jpg"
        w.good(name, saved(photograph(64, 64).resize(size), "JPEG", subsampling=2, quality=85))
    for size in [(1, 7), (2, 9), (3, 3), (17, 5), (31, 9)]:
        w.good(
            f"jpeg/size-{size[0]}x{size[1]}-422.jpg",
            saved(photograph(64, 64).resize(size), "JPEG", subsampling=1, quality=85),
        )
    cmyk = np.dstack([255 - np.array(odd), np.array(odd.convert("L")) // 3])
    cmyk = Image.fromarray(cmyk, "CMYK")
    data = saved(cmyk, "JPEG", quality=90)
    w.good("jpeg/cmyk-adobe.jpg", data)
    at = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[at + 2 : at + 4])[0]
    w.good("jpeg/cmyk-no-adobe.jpg", data[:at] + data[at + 2 + length :])
    # The same samples declared as YCCK: other colours, the same path as a real one.
    ycck = bytearray(data)
    ycck[at + 2 + length - 1] = 2
    w.good("jpeg/ycck.jpg", bytes(ycck))
    w.good("jpeg/rgb-adobe.jpg", saved(odd, "JPEG", quality=90, keep_rgb=True))
    rgb = saved(odd, "JPEG", quality=90, subsampling=0)
    w.good("jpeg/trailing-bytes.jpg", rgb + b"trailing" * 9)
    w.good("jpeg/comment.jpg", saved(odd, "JPEG", quality=90, comment=b"\xff\xd9 is not the end"))
    w.good(
        "jpeg/icc-and-exif.jpg",
        saved(odd, "JPEG", quality=80, icc_profile=b"p" * 301, exif=exif(1)),
    )
    # 4:4:0 and 4:1:1: Pillow writes neither, so the sampling factors of another file are swapped.
    w.good("jpeg/rgb-440.jpg", transposed_sampling(saved(odd, "JPEG", quality=85, subsampling=1)))
    fill = rgb.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)
    w.good("jpeg/fill-bytes.jpg", fill)


def transposed_sampling(data):
    """A 4:2:2 file read as 4:4:0: other pixels, but valid, as the blocks suffice."""
    at = data.index(b"\xff\xc0")
    file = bytearray(data)
    height, width = struct.unpack(">HH", data[at + 5 : at + 9])
    file[at + 5 : at + 9] = struct.pack(">HH", width // 16 * 16, height // 16 * 16 // 2)
    file[at + 11] = 0x12
    # As many blocks as the new size needs are there.
    return bytes(file)
