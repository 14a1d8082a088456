"""Embeddings live: our server against the Python libraries at full size, from bytes to vector."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from cases.embedding_images import pictures
from cases.mtcnn_images import Picture
from server import Mismatch, Server, serve

COSINE = {"f32": 0.99999, "bf16": 0.9995}
DIFFERENCE = {"f32": 1e-3, "bf16": None}  # of the largest number
# Weights that give most pictures nearly the same vector would let any answer pass.
APART = 0.99


class Model(NamedTuple):
    """An encoder and where its weights lie below a weights folder.

    `load` makes upstream's model from the file: a function from an image to a vector.
    """

    task: str
    catalogue_name: str
    file: str
    settings: tuple[str, ...]
    load: Callable[[pathlib.Path], Callable[[Image.Image], torch.Tensor]]


def check(name: str, model: Model, binary: pathlib.Path, weights: pathlib.Path) -> tuple[int, int]:
    """Compares every picture at each precision, a line each; (comparisons, failures)."""
    if not (weights / model.file).is_file():
        raise SystemExit(f"no weights at {weights / model.file}")
    encode = model.load(weights / model.file)
    given = pictures()
    with torch.no_grad():
        expected = [encode(picture.decoded()).double().numpy() for picture in given]
    nearness = typical_nearness(expected)
    print(f"     {name}: vectors of different pictures have a median cosine of {nearness:.3f}")
    done, failed = 1, int(nearness > APART)
    for precision in COSINE:
        settings = ("--precision", precision, *model.settings)
        with serve(binary, weights, settings=settings) as server:
            for picture, vector in zip(given, expected, strict=True):
                done += 1
                try:
                    report = compare(ours(server, model, picture), vector, precision)
                    verdict = "ok  "
                except Mismatch as mismatch:
                    verdict, report = "FAIL", str(mismatch)
                    failed += 1
                print(f"{verdict} {name} {precision:<4} {picture.name:<20} {report}", flush=True)
    return done, failed


def typical_nearness(vectors: list[np.ndarray]) -> float:
    unit = np.stack([vector / np.linalg.norm(vector) for vector in vectors])
    return float(np.median((unit @ unit.T)[np.triu_indices(len(unit), 1)]))


def ours(server: Server, model: Model, picture: Picture) -> np.ndarray:
    params = {"target": "whole_image"}
    tasks = [{"operation_id": "e", "type": model.task, "params": params}]
    result = server.results(picture.name, picture.encoded, tasks)["e"]
    if result["status"] != "success":
        raise Mismatch(f"{result}")
    return np.array(result["data"], np.float64)


def compare(got: np.ndarray, expected: np.ndarray, precision: str) -> str:
    if got.shape != expected.shape:
        raise Mismatch(f"{got.shape[0]} numbers here, {expected.shape[0]} upstream")
    cosine = got @ expected / np.linalg.norm(got) / np.linalg.norm(expected)
    difference = np.abs(got - expected).max() / np.abs(expected).max()
    report = f"cosine {cosine:.8f}, largest difference {difference:.1e}"
    allowed = DIFFERENCE[precision]
    # Written so that a NaN fails.
    if not (cosine >= COSINE[precision] and (allowed is None or difference <= allowed)):
        raise Mismatch(report)
    return report
