"""`make parity`: compares the release binary with the upstream libraries, live and at full size.

Anything missing is a failure. Exits 1 when a comparison fails.
"""

import argparse
import contextlib
import functools
import pathlib
import sys
import tempfile

import torch

from cases import clip_live, dinov2_live, embedding_live, mtcnn_live
from server import BINARY, seed, serve

EMBEDDINGS = clip_live.VARIANTS | {"dinov2": dinov2_live.MODEL}
CASES = ["mtcnn", *EMBEDDINGS]
# The other CLIP models differ in size only, and take minutes.
BY_DEFAULT = ["mtcnn", "clip", "dinov2"]


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
        help="for the embeddings, instead of what `models seed` writes now",
    )
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    args = parser.parse_args()
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"unknown case: {', '.join(sorted(unknown))}")
    torch.set_num_threads(args.threads)
    done = failed = 0
    for name in args.cases or BY_DEFAULT:
        check = faces if name == "mtcnn" else functools.partial(embedding, name)
        compared, wrong = check(args)
        done, failed = done + compared, failed + wrong
    print(f"parity: {done} compared, {failed} failed")
    return 1 if failed or not done else 0


def faces(args: argparse.Namespace) -> tuple[int, int]:
    with serve(args.binary, args.weights_dir) as server:
        return mtcnn_live.check(server)


def embedding(name: str, args: argparse.Namespace) -> tuple[int, int]:
    model = EMBEDDINGS[name]
    with contextlib.ExitStack() as stack:
        weights = args.seeded_dir
        if weights is None:
            folder = tempfile.TemporaryDirectory(prefix="parity-seeded-")
            weights = pathlib.Path(stack.enter_context(folder))
            seed(args.binary, weights, model.catalogue_name)
        return embedding_live.check(name, model, args.binary, weights)


if __name__ == "__main__":
    sys.exit(main())
