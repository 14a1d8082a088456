"""JPEG files that break the rules and are read: libjpeg warns, or cameras leave something out."""

import re

import numpy as np
from PIL import Image

from .writer import photograph, saved


def scans(data):
    """Where each scan header begins, and where the data of the last one ends."""
    return [found.start() for found in re.finditer(rb"\xff\xda", data)], len(data) - 2


def damaged_jpegs(w):
    picture = photograph(45, 37)
    plain = saved(picture, "JPEG", quality=75, subsampling=2)
    w.good("jpeg/no-huffman-tables.jpg", without(plain, 0xC4))
    w.good("jpeg/no-end-marker.jpg", plain[:-2] + b"\0" * 40)
    w.good("jpeg/no-end-marker-long.jpg", plain[:-2] + bytes(range(250)) * 3)
    flipped = bytearray(plain)
    for at in [len(plain) // 2, len(plain) * 3 // 4, len(plain) - 30]:
        flipped[at] ^= 0x14
    w.good("jpeg/bits-flipped.jpg", bytes(flipped))
    half = (len(plain) + plain.index(b"\xff\xda")) // 2
    w.good("jpeg/data-ends-early.jpg", plain[:half] + b"\xff\xd9")
    w.good("jpeg/data-missing.jpg", plain[:half] + plain[half + 50 :])
    w.good("jpeg/marker-in-data.jpg", plain[:half] + b"\xff\xd5" + plain[half:])
    w.good("jpeg/fill-in-data.jpg", plain.replace(b"\xff\0", b"\xff\xff\xff\0"))
    restarts(w, saved(picture, "JPEG", quality=75, subsampling=2, restart_marker_blocks=2))
    for name, subsampling, mode in [("444", 0, "RGB"), ("420", 2, "RGB"), ("grey", None, "L")]:
        options = {} if subsampling is None else {"subsampling": subsampling}
        unfinished(
            w, name, saved(picture.convert(mode), "JPEG", quality=60, progressive=True, **options)
        )
    # Large factors and large means: where libjpeg-turbo's 16-bit arithmetic wraps and saturates.
    loud = Image.fromarray(np.random.default_rng(7).integers(0, 2, (24, 24, 3), np.uint8) * 255)
    file = bytearray(saved(loud, "JPEG", quality=40, subsampling=0))
    table = file.index(b"\xff\xdb") + 5
    file[table : table + 64] = b"\xff" * 64
    w.good("jpeg/out-of-range.jpg", bytes(file))
    many = saved(picture.convert("L"), "JPEG", progressive=True, quality=50)
    at = many.rindex(b"\xff\xda")
    tables = many.rindex(b"\xff\xc4")
    # No encoder does so, but as many scans of so small a picture take no time.
    w.good("jpeg/scans-130.jpg", many[:-2] + many[min(at, tables) : -2] * 120 + b"\xff\xd9")


def without(data, marker):
    """The file without its segments of a kind."""
    while (at := data.find(bytes([0xFF, marker]))) >= 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4]) :]
    return data


def restarts(w, data):
    marks = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    third = marks[2]
    w.good("jpeg/restart-missing.jpg", data[:third] + data[third + 2 :])
    w.good("jpeg/restart-ahead.jpg", data[:third] + b"\xff\xd4" + data[third + 2 :])
    w.good("jpeg/restart-behind.jpg", data[:third] + b"\xff\xd0" + data[third + 2 :])
    w.good("jpeg/restart-far.jpg", data[:third] + b"\xff\xd6" + data[third + 2 :])
    w.good("jpeg/restart-twice.jpg", data[:third] + data[third : third + 2] + data[third:])
    w.good("jpeg/interval-missing.jpg", data[:third] + data[marks[3] :])
    w.good("jpeg/interval-damaged.jpg", data[: third + 4] + b"\xee" * 3 + data[third + 7 :])
    w.good("jpeg/restart-unknown-marker.jpg", data[:third] + b"\xff\x05" + data[third:])
    w.good("jpeg/restarts-undeclared.jpg", without(data, 0xDD))


def unfinished(w, name, data):
    """Ends behind the first, second, ... scan, and once within a scan."""
    starts, end = scans(data)
    for count in [1, 2, 4, 6]:
        if count < len(starts):
            w.good(f"jpeg/unfinished-{name}-{count}.jpg", data[: starts[count]] + b"\xff\xd9")
    for index in [1, len(starts) - 1]:
        stop = [*starts, end][index + 1]
        within = starts[index] + 10 + (stop - starts[index]) // 3
        w.good(f"jpeg/unfinished-{name}-within-{index}.jpg", data[:within] + b"\xff\xd9")
    w.good(f"jpeg/first-scan-cut-{name}.jpg", data[: starts[0] + 24] + b"\xff\xd9")
