#!/usr/bin/env python3
"""Compares every picture of Pillow's own test suite that Pillow reads with ours.

    cargo build --release -p imaging --example ppm
    python parity/pillow_pictures.py [--decoder BINARY] [--source DIR] [--table]

pip fetches Pillow's source package, of the version that is installed. Status 0 only if no picture
has other pixels than `Image.open(NAME).convert("RGB")` (beyond `ALLOWED`, for lossy formats that
another library decodes), and none is refused but for a reason in `REFUSED`. `--table` prints that
table as docs/formats.md has it.
"""

import argparse
import collections
import fnmatch
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import warnings

import numpy
import PIL
from PIL import Image
from pillow_pictures_refused import ALLOWED, REFUSED

BATCH = 40


def fetch(folder):
    """Unpacks the pictures of Pillow's source package."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pillow"]
    subprocess.run([*pip, "--dest", folder, f"pillow=={PIL.__version__}"], check=True)
    with tarfile.open(next(pathlib.Path(folder).glob("*.tar.gz"))) as package:
        pictures = [
            member for member in package if "/Tests/images/" in member.name and member.isfile()
        ]
        package.extractall(folder, pictures, filter="data")


def pillows(path):
    """The format and pixels that Pillow reads, or None where it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.format, numpy.asarray(image.convert("RGB"))
    except Exception:  # whatever it raises, it did not read the picture
        return None


def ours(decoder, paths, folder):
    """The pixels or the message for each path."""
    outputs = [pathlib.Path(folder) / f"{index}.ppm" for index in range(len(paths))]
    pairs = [str(argument) for pair in zip(paths, outputs, strict=True) for argument in pair]
    said = subprocess.run(
        [decoder, "decode", *pairs], check=True, capture_output=True, text=True
    ).stdout
    for line, path, output in zip(said.splitlines(), paths, outputs, strict=True):
        if line.startswith("ok "):
            yield numpy.asarray(Image.open(io.BytesIO(output.read_bytes())))
        else:
            yield line.removeprefix(f"error {path}: ")


def reason(name):
    """Why a picture may be refused, or None."""
    return next((why for pattern, why in REFUSED.items() if fnmatch.fnmatch(name, pattern)), None)


def compare(theirs, mine):
    """`same`, or how far they differ."""
    if theirs.shape != mine.shape:
        return f"{mine.shape[1]}x{mine.shape[0]}, not {theirs.shape[1]}x{theirs.shape[0]}"
    difference = numpy.abs(theirs.astype(int) - mine)
    return (
        f"up to {difference.max()}, {difference.mean():.4f} on average"
        if difference.any()
        else "same"
    )


def within(kind, theirs, mine):
    largest, mean = ALLOWED.get(kind, (0, 0))
    difference = (
        numpy.abs(theirs.astype(int) - mine) if theirs.shape == mine.shape else numpy.array([256])
    )
    return difference.max() <= largest and difference.mean() <= mean


def table():
    print("| pictures | why they are refused |\n|---|---|")
    names = collections.defaultdict(list)
    for pattern, why in REFUSED.items():
        names[why].append(f"`{pattern}`")
    for why, patterns in names.items():
        print(f"| {', '.join(patterns)} | {why} |")


def check(decoder, images):
    """Prints a line for each picture that is not the same, and a table; returns the failures."""
    counts, failures = collections.defaultdict(collections.Counter), []
    read = [
        (path, *found)
        for path in sorted(images.rglob("*"))
        if path.is_file() and (found := pillows(path))
    ]
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(read), BATCH):
            batch = read[start : start + BATCH]
            answers = ours(decoder, [path for path, _, _ in batch], folder)
            for (path, kind, theirs), mine in zip(batch, answers, strict=True):
                name = path.relative_to(images).as_posix()
                if isinstance(mine, str):
                    verdict, line, bad = "refused", f"refused: {mine}", reason(name) is None
                else:
                    verdict = compare(theirs, mine)
                    line, bad = (
                        f"differs: {verdict}",
                        verdict != "same" and not within(kind, theirs, mine),
                    )
                    verdict = "same" if verdict == "same" else "differ"
                counts[kind][verdict] += 1
                if verdict != "same":
                    print(f"{'FAILS ' if bad else ''}{kind} {name} {line}")
                if bad:
                    failures.append(name)
    print(f"\n{'format':10} {'same':>5} {'differ':>7} {'refused':>8}")
    total = sum(counts.values(), collections.Counter())
    for kind, row in [*sorted(counts.items()), ("total", total)]:
        print(f"{kind:10} {row['same']:5} {row['differ']:7} {row['refused']:8}")
    print(f"{len(read)} pictures that Pillow {PIL.__version__} reads, {len(failures)} failures")
    return len(failures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decoder", default="target/release/examples/ppm")
    parser.add_argument(
        "--source", type=pathlib.Path, help="an unpacked source package, so that none is fetched"
    )
    parser.add_argument("--table", action="store_true", help="print what may be refused, and stop")
    arguments = parser.parse_args()
    if arguments.table:
        return table()
    with tempfile.TemporaryDirectory() as folder:
        source = arguments.source
        if source is None:
            fetch(folder)
            source = next(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
        sys.exit(1 if check(arguments.decoder, source / "Tests/images") else 0)


if __name__ == "__main__":
    main()
