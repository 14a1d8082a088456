"""Face detection by facenet-pytorch and by our server, in turns, on the same pixels and threads.

Ours is the `mtcnn` stage of the server's own `Server-Timing`; theirs is the call of `detect`.
Decoding is left out on both sides. Writes WORK/mtcnn_speed.json. Nothing else may be running:
PyTorch's threads wait for each other by spinning, so a busy machine slows it tenfold and more, and
flatters us. A load above BUSY before the start is said, and the exit status is then 1.
"""

import argparse
import io
import json
import os
import pathlib
import re
import statistics
import sys
import time

import torch
from facenet_pytorch import MTCNN
from PIL import Image

from cases.mtcnn_images import photo
from cases.mtcnn_live import TASKS
from server import BINARY, Server, serve

SIDES = (512, 1024)
PAUSE_S = 0.05  # PyTorch's idle threads spin for a while after a call
BUSY = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--binary", type=pathlib.Path, default=BINARY)
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    model, rows = MTCNN(device="cpu", keep_all=True), []
    with serve(args.binary, threads=args.threads) as server:
        for side in SIDES:
            image = photo("astronaut").resize((side, side), Image.Resampling.BICUBIC)
            rows.append({"side": side} | alternate(model, server, image, args.rounds))
            print("{side:>5} px  {theirs}  {ours}  {ratio}".format(**text(rows[-1])), flush=True)
    report = {"load_before": load, "threads": args.threads, "rows": rows}
    (args.work / "mtcnn_speed.json").write_text(json.dumps(report, indent=1))
    if load > BUSY:
        print(f"NOT VALID: the machine was busy before the start (load {load:.1f})")
        return 1
    return 0


def alternate(model: MTCNN, server: Server, image: Image.Image, rounds: int) -> dict:
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    times = {"theirs": [], "ours": []}
    for turn in range(rounds + 2):
        time.sleep(PAUSE_S)
        began = time.perf_counter()
        model.detect(image, landmarks=True)
        theirs = (time.perf_counter() - began) * 1e3
        time.sleep(PAUSE_S)
        ours = face_ms(server, buffer.getvalue())
        if turn >= 2:  # the first ones warm up
            times["theirs"].append(theirs)
            times["ours"].append(ours)
    row = {
        name: {"median_ms": statistics.median(values), "min_ms": min(values)}
        for name, values in times.items()
    }
    ratios = {key: row["theirs"][key] / row["ours"][key] for key in ("median_ms", "min_ms")}
    return row | {"faster": ratios}


def face_ms(server: Server, encoded: bytes) -> float:
    response = server.analyze("astronaut.bmp", encoded, TASKS[1:])
    response.raise_for_status()
    if len(response.json()["results"]["all"]["data"] or []) != 1:
        raise SystemExit("our server did not find the one face")
    stages = response.headers.get("server-timing", "")
    found = re.search(r"\bmtcnn;dur=([\d.]+)", stages)
    if not found:
        raise SystemExit(f"no face stage in the server's timing: {stages!r}")
    return float(found[1])


def text(row: dict) -> dict:
    sides = {
        name: f"{name} median {row[name]['median_ms']:7.1f} ms, min {row[name]['min_ms']:7.1f} ms"
        for name in ("theirs", "ours")
    }
    faster = row["faster"]
    ratio = f"ours is {faster['median_ms']:.1f}x as fast (by minima {faster['min_ms']:.1f}x)"
    return {"side": row["side"], "ratio": ratio} | sides


if __name__ == "__main__":
    sys.exit(main())
