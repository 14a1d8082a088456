"""`make parity`: compares the release binary with the upstream libraries, live and at full size.

Anything missing is a failure. Exits 1 when a comparison fails.
"""

import argparse
import contextlib
import functools
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import torch

from cases import (
    blip_live,
    clip_live,
    dinov2_live,
    embedding_live,
    faster_rcnn_live,
    logistic_import,
    logistic_live,
    mtcnn_live,
)
from server import BINARY, seed, serve

EMBEDDINGS = clip_live.VARIANTS | {"dinov2": dinov2_live.MODEL}
CASES = ["mtcnn", "faster_rcnn", "blip", *EMBEDDINGS, "logistic"]
# The other CLIP models differ in size only, and take minutes.
BY_DEFAULT = ["mtcnn", "faster_rcnn", "clip", "dinov2", "blip", "logistic"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    chosen = ", ".join(BY_DEFAULT)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default: {chosen}")
    parser.add_argument("--binary", type=pathlib.Path, default=BINARY)
    parser.add_argument(
        "--weights-dir", type=pathlib.Path, help="for mtcnn, instead of the packages' files"
    )
    parser.add_argument(
        "--seeded-dir",
        type=pathlib.Path,
        help="for all but mtcnn, instead of what `models seed` writes now",
    )
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    args = parser.parse_args()
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"unknown case: {', '.join(sorted(unknown))}")
    torch.set_num_threads(args.threads)
    done = failed = 0
    for name in args.cases or BY_DEFAULT:
        checks = {
            "mtcnn": faces,
            "faster_rcnn": persons,
            "blip": captions,
            "logistic": classifiers,
        }
        check = checks.get(name) or functools.partial(embedding, name)
        compared, wrong = check(args)
        done, failed = done + compared, failed + wrong
    print(f"parity: {done} compared, {failed} failed")
    return 1 if failed or not done else 0


def faces(args: argparse.Namespace) -> tuple[int, int]:
    with serve(args.binary, args.weights_dir) as server:
        return mtcnn_live.check(server)


def persons(args: argparse.Namespace) -> tuple[int, int]:
    with seeded(args, faster_rcnn_live.CATALOGUE_NAME) as weights:
        return faster_rcnn_live.check(args.binary, weights)


def captions(args: argparse.Namespace) -> tuple[int, int]:
    with seeded(args, blip_live.CATALOGUE_NAME) as weights:
        return blip_live.check(args.binary, weights)


def classifiers(args: argparse.Namespace) -> tuple[int, int]:
    fitted, imported = logistic_live.check(args.binary), logistic_import.check(args.binary)
    return fitted[0] + imported[0], fitted[1] + imported[1]


def embedding(name: str, args: argparse.Namespace) -> tuple[int, int]:
    model = EMBEDDINGS[name]
    with seeded(args, model.catalogue_name) as weights:
        return embedding_live.check(name, model, args.binary, weights)


@contextlib.contextmanager
def seeded(args: argparse.Namespace, catalogue_name: str) -> Iterator[pathlib.Path]:
    """A weights folder with the model in it."""
    if args.seeded_dir is not None:
        yield args.seeded_dir
        return
    with tempfile.TemporaryDirectory(prefix="parity-seeded-") as folder:
        seed(args.binary, pathlib.Path(folder), catalogue_name)
        yield pathlib.Path(folder)


if __name__ == "__main__":
    sys.exit(main())
