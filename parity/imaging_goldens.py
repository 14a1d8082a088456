#!/usr/bin/env python3
"""Writes crates/imaging/tests/data: files of every format and mode, and what Pillow reads.

    python parity/imaging_goldens.py [--out DIR]

`NAME` comes with `NAME.ppm`, the pixels of `Image.open(NAME).convert("RGB")`. Files under `bad/`
have no `.ppm`: Pillow refuses them too, except one that this service bounds more tightly.
`resize/table.txt` holds a CRC-32 per resize. Everything is drawn from fixed seeds; the committed
files come from the versions named in `versions.txt`.
"""

import argparse
import pathlib
import shutil

import PIL
from imaging_files import (
    avif,
    bmp,
    gif,
    jpeg,
    jpeg2000,
    jpeg_arithmetic,
    jpeg_damaged,
    jxl,
    orientation,
    others,
    png,
    refused,
    resizes,
    tiff,
    tiff_compressions,
    tiff_ycbcr,
    webp,
)
from imaging_files.writer import Writer
from PIL import features

OUT = pathlib.Path(__file__).resolve().parent.parent / "crates/imaging/tests/data"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    out = parser.parse_args().out
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    writer = Writer(out)
    for write in [
        jpeg.jpegs,
        jpeg_damaged.damaged_jpegs,
        jpeg_arithmetic.arithmetic_jpegs,
        orientation.orientations,
        png.pngs,
        webp.webps,
        gif.gifs,
        bmp.bmps,
        tiff.tiffs,
        tiff_compressions.compressed_tiffs,
        tiff_ycbcr.ycbcr_tiffs,
        refused.bads,
        resizes.resizes,
        avif.avifs,
        jpeg2000.jpeg2000s,
        jxl.jxls,
        others.dibs,
        others.icons,
        others.netpbms,
        others.targas,
        others.pcxs,
        others.sgis,
        others.qois,
        others.psds,
    ]:
        write(writer)
    (out / "versions.txt").write_text(
        f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
        f"libtiff {features.version('libtiff')}, WebP {features.version('webp')}, "
        f"libavif {features.version('avif')}, OpenJPEG {features.version('jpg_2000')}\n"
    )
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{writer.count} cases, {total} bytes in {out}")


if __name__ == "__main__":
    main()
