#!/usr/bin/env python3
"""Decodes and resizes whole photographs, and compares every byte with Pillow.

    python parity/imaging_photographs.py [--quick]

scikit-image's pictures are written in every format, mode and compression that Pillow can write; our
`ppm` example reads them back. Prints the largest and the mean difference per kind of file and fails
when one byte differs.
"""

import argparse
import collections
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# What the models ask for, from whatever size a photograph has.
TARGETS = [(224, 224), (518, 518), (384, 384), (800, 1088), (336, 224), (37, 1000), (1000, 37)]


def photographs(quick):
    """The pictures that lie in the package, as RGB."""
    folder = pathlib.Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"
    paths = sorted(path for path in folder.iterdir() if path.suffix in {".png", ".jpg"})
    for path in paths[::6] if quick else paths:
        yield path, Image.open(path).convert("RGB")


def encodings(image):
    """(kind, file name suffix, picture, options of `save`)."""
    for subsampling, name in enumerate(["4:4:4", "4:2:2", "4:2:0"]):
        for quality in [30, 75, 95]:
            options = {"quality": quality, "subsampling": subsampling}
            yield f"JPEG {name}", "jpg", image, options
            yield f"JPEG {name} progressive", "jpg", image, {**options, "progressive": True}
            restart = {"restart_marker_blocks": 7}
            yield f"JPEG {name} restarts", "jpg", image, {**options, **restart}
    yield "JPEG grey", "jpg", image.convert("L"), {"quality": 80}
    yield "JPEG CMYK", "jpg", image.convert("CMYK"), {"quality": 80}
    rgba = image.copy()
    rgba.putalpha(image.convert("L"))
    palette = image.quantize(256)
    for picture in [image, image.convert("L"), image.convert("1"), palette, rgba]:
        yield f"PNG {picture.mode}", "png", picture, {}
        yield f"TIFF {picture.mode}", "tif", picture, {}
        for compression in ["tiff_lzw", "tiff_adobe_deflate", "packbits"]:
            kind = f"TIFF {picture.mode} {compression}"
            yield kind, "tif", picture, {"compression": compression}
    yield "PNG LA", "png", rgba.convert("LA"), {}
    yield "TIFF CMYK", "tif", image.convert("CMYK"), {"compression": "tiff_lzw"}
    for picture in [image, image.convert("L"), image.convert("1"), palette]:
        yield f"BMP {picture.mode}", "bmp", picture, {}
    yield "GIF", "gif", palette, {}
    yield "GIF few colours", "gif", image.quantize(11), {}
    for picture in [image, rgba]:
        yield f"WebP lossless {picture.mode}", "webp", picture, {"lossless": True, "exact": True}
        for quality in [10, 50, 90]:
            yield f"WebP lossy {picture.mode}", "webp", picture, {"quality": quality}


def difference(ours, theirs):
    if ours.size != theirs.size:
        raise SystemExit(f"{ours.size} is not {theirs.size}")
    delta = np.abs(np.asarray(ours).astype(np.int16) - np.asarray(theirs))
    return int(delta.max()), float(delta.mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every sixth photograph only")
    quick = parser.parse_args().quick
    build = [
        "cargo",
        "build",
        "--release",
        "-p",
        "imaging",
        "--example",
        "ppm",
        "--message-format=json",
    ]
    lines = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    binary = next(
        line.split('"executable":"')[1].split('"')[0]
        for line in lines.splitlines()
        if '"executable":"' in line and '"name":"ppm"' in line
    )
    worst = collections.defaultdict(lambda: [0, 0, 0.0])
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/out.ppm"
        for path, image in photographs(quick):
            files = [("as it is", str(path))]
            for index, (kind, suffix, picture, options) in enumerate(encodings(image)):
                files.append((kind, f"{folder}/{index}.{suffix}"))
                picture.save(files[-1][1], **options)
            arguments = []
            for index, (_, name) in enumerate(files):
                arguments += [name, f"{folder}/{index}.ppm"]
            run = [binary, "decode", *arguments]
            answer = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
            errors = [line for line in answer.splitlines() if not line.startswith("ok ")]
            if errors:
                raise SystemExit("\n".join(errors))
            for index, (kind, name) in enumerate(files):
                ours = Image.open(f"{folder}/{index}.ppm")
                largest, mean = difference(ours, Image.open(name).convert("RGB"))
                entry = worst[kind]
                entry[:] = [entry[0] + 1, max(entry[1], largest), max(entry[2], mean)]
            for name, number in FILTERS.items():
                for width, height in TARGETS:
                    run = [
                        binary,
                        "resize",
                        f"{folder}/0.ppm.png",
                        str(width),
                        str(height),
                        name,
                        out,
                    ]
                    image.save(run[2], compress_level=1)
                    subprocess.run(run, check=True)
                    largest, mean = difference(
                        Image.open(out), image.resize((width, height), number)
                    )
                    entry = worst[f"resize {name}"]
                    entry[:] = [entry[0] + 1, max(entry[1], largest), max(entry[2], mean)]
    for kind, (count, largest, mean) in worst.items():
        print(f"{kind:32} {count:5} files, largest difference {largest}, mean {mean:.4f}")
    total = sum(count for count, _, _ in worst.values())
    print(f"{total} comparisons in {time.monotonic() - start:.0f} s")
    if any(largest for _, largest, _ in worst.values()):
        sys.exit("pixels differ from Pillow's")


if __name__ == "__main__":
    main()
