"""`make parity`: compares the release binary with the upstream libraries, live and at full size.

Anything missing is a failure. Exits 1 when a comparison fails.
"""

import argparse
import pathlib
import sys

import torch

from cases import mtcnn_live
from server import BINARY, serve

CASES = {"mtcnn": mtcnn_live.check}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"all by default: {', '.join(CASES)}")
    parser.add_argument("--binary", type=pathlib.Path, default=BINARY)
    parser.add_argument("--weights-dir", type=pathlib.Path, help="instead of the packages' files")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    args = parser.parse_args()
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"unknown case: {', '.join(sorted(unknown))}")
    torch.set_num_threads(args.threads)
    done = failed = 0
    with serve(args.binary, args.weights_dir) as server:
        for name in args.cases or CASES:
            compared, wrong = CASES[name](server)
            done, failed = done + compared, failed + wrong
    print(f"parity: {done} compared, {failed} failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
