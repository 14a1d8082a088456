"""The formats that need a few files each: icons, Netpbm, Targa, PCX, SGI, QOI, PSD, DIB."""

import struct

import numpy as np
from PIL import Image

from .bmp import bmp, padded
from .png import pack
from .writer import HEIGHT, WIDTH, photograph, saved

SIZE = f"{WIDTH} {HEIGHT}\n".encode()


def dibs(w):
    rows = [row[:, ::-1].tobytes() for row in w.rgb[::-1]]
    w.good("dib/rgb-24.dib", bmp(WIDTH, HEIGHT, 24, padded(rows))[14:])
    w.good("dib/rgb-24-core.dib", bmp(WIDTH, HEIGHT, 24, padded(rows), core=True)[14:])
    w.good("dib/rgb-24-top-down.dib", bmp(WIDTH, -HEIGHT, 24, padded(rows[::-1]))[14:])
    w.good("dib/palette.dib", saved(w.photo.convert("P"), "DIB"))
    w.good("dib/bilevel.dib", saved(w.photo.convert("1"), "DIB"))


def icons(w):
    photo = photograph(48, 32)
    alpha = photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    sizes = [(16, 16), (32, 32), (48, 32)]
    w.good("icons/png.ico", saved(alpha, "ICO", sizes=sizes))
    for mode, image in [
        ("rgba", alpha),
        ("rgb", photo),
        ("palette", photo.convert("P")),
        ("bilevel", photo.convert("1")),
        ("grey", photo.convert("L")),
    ]:
        w.good(f"icons/{mode}.ico", saved(image, "ICO", sizes=sizes, bitmap_format="bmp"))
    dib = bytearray(saved(photo.convert("RGB"), "DIB"))
    struct.pack_into("<i", dib, 8, 64)
    deep = bytes(dib) + b"\x55" * (64 // 8 * 32)
    flat = saved(photo.transpose(Image.Transpose.ROTATE_180), "PNG")
    # Of two pictures of one size Pillow takes the one of less depth.
    header = struct.pack("<HHH", 0, 1, 2)
    header += struct.pack("<BBBBHHII", 48, 32, 0, 0, 1, 32, len(flat), 38)
    header += struct.pack("<BBBBHHII", 48, 32, 0, 0, 1, 24, len(deep), 38 + len(flat))
    w.good("icons/two-depths.ico", header + flat + deep)
    w.good("icons/rgb.cur", cursor([(48, 32, deep)]))
    mono = bytearray(saved(photo.convert("1"), "DIB"))
    struct.pack_into("<i", mono, 8, 64)
    mask = padded(pack(w.random.integers(0, 2, (32, 48)), 1))
    w.good("icons/masked.cur", cursor([(48, 32, bytes(mono) + mask)]))
    small = cursor_picture(photo.resize((16, 16)))
    w.good("icons/largest.cur", cursor([(16, 16, small), (48, 32, deep), (47, 255, small)]))
    blocks = [
        (b"icp4", saved(photograph(16, 16), "PNG")),
        (b"icp5", saved(photograph(32, 32), "PNG")),
    ]
    w.good("icons/png.icns", icns([(b"TOC ", b""), *blocks]))
    w.good("icons/runs.icns", icns([(b"is32", band_runs(photograph(16, 16)))]))
    plain = np.array(photograph(32, 32)).tobytes()
    w.good("icons/plain.icns", icns([(b"is32", b"x"), (b"il32", plain), (b"l8mk", bytes(1024))]))
    wide = b"\0\0\0\0" + band_runs(photograph(16, 16).resize((128, 128), Image.Resampling.NEAREST))
    w.good("icons/it32.icns", icns([(b"it32", wide)]))
    cut = icns([*blocks, (b"is32", bytes(768))])[:-500]
    w.good("icons/cut-behind-the-largest.icns", cut)
    w.bad("cut-colors.icns", icns([(b"il32", plain)])[:-1])
    w.good("icons/jpeg2000.icns", icns([(b"icp5", saved(photograph(32, 32), "JPEG2000"))]))


def cursor_picture(image):
    dib = bytearray(saved(image, "DIB"))
    struct.pack_into("<i", dib, 8, image.height * 2)
    return bytes(dib) + b"\0" * (-(-image.width // 32) * 4 * image.height)


def cursor(pictures):
    header = struct.pack("<HHH", 0, 2, len(pictures))
    start = 6 + 16 * len(pictures)
    for width, height, data in pictures:
        header += struct.pack("<BBBBHHII", width, height, 0, 0, 1, 1, len(data), start)
        start += len(data)
    return header + b"".join(data for _, _, data in pictures)


def icns(blocks):
    body = b"".join(struct.pack(">4sI", name, 8 + len(data)) + data for name, data in blocks)
    return struct.pack(">4sI", b"icns", 8 + len(body)) + body


def band_runs(image):
    """Apple's run lengths: equal samples from three on, others as they are."""
    data = bytearray()
    for band in np.array(image).reshape(-1, 3).T // 32 * 32:
        at = 0
        while at < len(band):
            run = 1
            while run < 130 and at + run < len(band) and band[at + run] == band[at]:
                run += 1
            if run >= 3:
                data += bytes([run + 125, band[at]])
            else:
                run = 1
                data += bytes([0, band[at]])
            at += run
    return bytes(data)


def netpbms(w):
    random = w.random
    rgb = w.rgb
    bits = random.integers(0, 2, (HEIGHT, WIDTH))
    w.good("pnm/bits.pbm", b"P4\n" + SIZE + b"".join(pack(bits, 1)))
    plain = "\n".join("".join(map(str, row)) for row in bits)
    w.good("pnm/bits-plain.pbm", b"P1 # bits\n#\n" + SIZE + plain.encode())
    for most in [1, 7, 100, 255, 256, 1023, 65535]:
        wide = ">u2" if most > 255 else "u1"
        grey = random.integers(0, most + 1, (HEIGHT, WIDTH))
        grey[0, :4] = [0, most, most // 2, min(most, 255)]
        color = random.integers(0, most + 1, (HEIGHT, WIDTH, 3))
        head = SIZE + str(most).encode()
        w.good(f"pnm/grey-{most}.pgm", b"P5\n" + head + b"\n" + grey.astype(wide).tobytes())
        w.good(f"pnm/rgb-{most}.ppm", b"P6\n" + head + b"\n" + color.astype(wide).tobytes())
        words = " ".join(map(str, grey.ravel())).encode()
        w.good(f"pnm/grey-{most}-plain.pgm", b"P2 " + head + b"\n" + words)
        words = "\n".join(map(str, color.ravel())).encode()
        w.good(f"pnm/rgb-{most}-plain.ppm", b"P3\n" + head + b" #x\r\n" + words + b"\n")
    over = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8).tobytes()
    w.good("pnm/rgb-100-over.ppm", b"P6\n" + SIZE + b"100\n" + over)
    floats = random.uniform(-20, 300, (HEIGHT, WIDTH)).astype("<f4")
    floats[0, :3] = [np.inf, -np.inf, 254.99]
    w.good("pnm/floats.pfm", b"Pf\n" + SIZE + b"-1.0\n" + floats.tobytes())
    w.good("pnm/floats-big-endian.pfm", b"Pf " + SIZE + b"2\n" + floats.astype(">f4").tobytes())
    four = random.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8).tobytes()
    w.good("pnm/cmyk.pnm", b"P0CMYK" + SIZE + b"255\n" + four)
    w.good("pnm/rgba.pnm", b"PyRGBA" + SIZE + b"255\n" + four)
    comment = b"P6 # a\n#b #c\n1#d\n9 17 # \r255\n"
    w.good("pnm/comments.ppm", comment + rgb.tobytes())


def targa(kind, depth, data, flags=0, palette=b"", entries=0, first=0, map_bits=0, name=b""):
    has_map = int(bool(palette))
    head = struct.pack("<BBBHHB", len(name), has_map, kind, first, entries, map_bits)
    head += struct.pack("<HHHHBB", 0, 0, WIDTH, HEIGHT, depth, flags)
    return head + name + palette + data


def targas(w):
    for mode in ["L", "LA", "P", "RGB", "RGBA"]:
        image = w.photo.convert(mode)
        for packed in ["", "-rle"]:
            options = {"compression": "tga_rle"} if packed else {}
            w.good(f"tga/{mode.lower()}{packed}.tga", saved(image, "TGA", **options))
    random = w.random
    words = random.integers(0, 65536, (HEIGHT, WIDTH)).astype("<u2")
    for flags in [0, 0x10, 0x20, 0x30]:
        w.good(f"tga/rgb-15-{flags:02x}.tga", targa(2, 16, words.tobytes(), flags, name=b"words"))
    indices = random.integers(0, 9, (HEIGHT, WIDTH), np.uint8).tobytes()
    for bits in [16, 24, 32]:
        palette = random.integers(0, 256, 5 * bits // 8, np.uint8).tobytes()
        data = targa(1, 8, indices, 0x20, palette, 5, 2, bits)
        w.good(f"tga/palette-{bits}.tga", data)
    bits = b"".join(pack(random.integers(0, 2, (HEIGHT, WIDTH)), 1))
    w.good("tga/bits.tga", targa(3, 1, bits))
    across = bytes([WIDTH * 4 - 1]) + w.rgb[:4].tobytes()
    rest = b"".join(bytes([0x80 | WIDTH - 1, 9, row, 5]) for row in range(HEIGHT - 4))
    w.good("tga/literals-across-rows.tga", targa(10, 24, across + rest))


def pcxs(w):
    for mode in ["1", "L", "P", "RGB"]:
        w.good(f"pcx/{mode.lower()}.pcx", saved(w.photo.convert(mode), "PCX"))
        even = photograph(20, 9).convert(mode)
        w.good(f"pcx/{mode.lower()}-even.pcx", saved(even, "PCX"))
    random = w.random
    palette = random.integers(0, 256, 48, np.uint8).tobytes()
    for planes in [2, 4]:
        for stride in [3, 4]:
            head = struct.pack("<BBBBHHHHHH", 10, 3, 1, 1, 2, 1, WIDTH + 1, HEIGHT, 72, 72)
            head += palette + bytes([0, planes]) + struct.pack("<H", stride) + bytes(60)
            data = random.integers(0, 0xC0, (HEIGHT, planes * stride), np.uint8).tobytes()
            w.good(f"pcx/planes-{planes}-{stride}.pcx", head + data)


def sgis(w):
    alpha = w.photo.copy()
    alpha.putalpha(77)
    for mode, image in [("rgb", w.photo), ("rgba", alpha), ("grey", w.photo.convert("L"))]:
        w.good(f"sgi/{mode}.sgi", saved(image, "SGI"))
        w.good(f"sgi/{mode}-16.sgi", saved(image, "SGI", bpc=2))
        for size in [1, 2]:
            w.good(f"sgi/{mode}-rle-{size * 8}.sgi", sgi_runs(np.array(image), size))


def sgi_runs(samples, size):
    height, width = samples.shape[:2]
    samples = samples.reshape(height, width, -1)[::-1]
    channels = samples.shape[2]
    head = struct.pack(">HBBHHHH", 474, 1, size, 2 if channels == 1 else 3, width, height, channels)
    head = head.ljust(512, b"\0")
    table = 512 + 8 * channels * height
    starts, lengths, data = [], [], b""
    for channel in range(channels):
        for row in samples[:, :, channel]:
            atoms = [0x80 | 4, *row[:4], width - 4, int(row[9]), 0]
            packed = b"".join(
                bytes([value])
                if size == 1
                else struct.pack(">H", value * 257 if at in (1, 2) else value)
                for at, value in enumerate(map(int, atoms))
            )
            starts.append(table + len(data))
            lengths.append(3 if channel % 2 else 1000)
            data += packed
    return (
        head
        + struct.pack(f">{len(starts)}I", *starts)
        + struct.pack(f">{len(lengths)}I", *lengths)
        + data
    )


def qois(w):
    alpha = w.photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(w.photo.size))
    for name, image in [
        ("rgb", w.photo),
        ("rgba", alpha),
        ("few", w.photo.quantize(9).convert("RGB")),
    ]:
        w.good(f"qoi/{name}.qoi", saved(image, "QOI"))
    head = b"qoif" + struct.pack(">IIBB", 5, 3, 3, 0)
    # A run of the first pixel, then the place where other decoders note it.
    w.good("qoi/first-run.qoi", head + bytes([0xC3, 53, 0x7F, 0xA0, 0x88, 0xFE, 9, 8, 7, 0xC9]))


def psds(w):
    random = w.random
    for name, mode, channels, colors in [
        ("grey", 1, 1, b""),
        ("duotone", 8, 1, b"duotone"),
        ("palette", 2, 1, random.integers(0, 256, 768, np.uint8).tobytes()),
        ("rgb", 3, 3, b""),
        ("rgba", 3, 4, b""),
        ("cmyk", 4, 4, b""),
    ]:
        planes = random.integers(0, 256, (channels, HEIGHT, WIDTH), np.uint8)
        head = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, HEIGHT, WIDTH, 8, mode)
        head += struct.pack(">I", len(colors)) + colors + struct.pack(">I", 0)
        head += struct.pack(">I", 6) + b"layers"
        w.good(f"psd/{name}.psd", head + b"\0\0" + planes.tobytes())
        rows = [
            bytes([5]) + row[:6].tobytes() + bytes([128, 257 - (WIDTH - 6), row[6]])
            for plane in planes
            for row in plane
        ]
        lengths = b"".join(struct.pack(">H", len(row)) for row in rows)
        w.good(f"psd/{name}-runs.psd", head + b"\0\1" + lengths + b"".join(rows))
