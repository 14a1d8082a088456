"""MTCNN live: our server against `facenet_pytorch.MTCNN.detect`, real weights, real photographs."""

import functools
from typing import NamedTuple
from unittest import mock

import numpy as np
from facenet_pytorch import MTCNN
from PIL import Image

from cases.mtcnn_images import Picture, pictures
from server import Mismatch, Server

PIXELS = 0.01
SCORE = 1e-4
PARAMS = {"target": "prominent_face", "face_context": "whole_image"}
TASKS = [
    {"operation_id": "f", "type": "detect_bounding_box", "params": PARAMS},
    {
        "operation_id": "all",
        "type": "detect_bounding_box",
        "params": PARAMS | {"max_detections": 100},
    },
]


class Faces(NamedTuple):
    """Boxes [n, 4], scores [n], landmarks [n, 5, 2], the service's answer, upstream's exception."""

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray
    prominent: list[int] | None
    note: str = ""


NONE = Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)), None)


def theirs(model: MTCNN, image: Image.Image) -> Faces:
    """Upstream raises on a picture with a side below 20 pixels; there we must find no face."""
    try:
        boxes, scores, landmarks = model.detect(image, landmarks=True)
    except ValueError as error:
        if min(image.size) >= model.min_face_size:
            raise
        return NONE._replace(note=f"upstream raises: {error}")
    if boxes is None:
        return NONE
    boxes, scores = boxes.astype(np.float64), scores.astype(np.float64)
    prominent = [int(value) for value in boxes[scores.argmax()]]
    return Faces(boxes, scores, landmarks.astype(np.float64), prominent)


def theirs_stable(model: MTCNN, image: Image.Image) -> Faces:
    """Upstream with its unstable sort made stable.

    Its last suppression orders equal scores by numpy's default sort, which differs between
    processors. Scores are equal where an image's border cuts two boxes to the same pixels.
    """
    stable = functools.partial(np.argsort, kind="stable")
    with mock.patch.object(np, "argsort", stable):
        return theirs(model, image)


def ours(server: Server, name: str, encoded: bytes) -> Faces:
    results = server.results(name, encoded, TASKS)
    for key in ("f", "all"):
        if results[key]["status"] != "success":
            raise Mismatch(f"task {key}: {results[key]}")
    found = results["all"]["data"] or []
    scores = np.array([face["score"] for face in found], np.float64)
    if (np.diff(scores) > 0).any():
        raise Mismatch("max_detections is not best first")
    return Faces(
        np.array([face["bbox"] for face in found], np.float64).reshape(-1, 4),
        scores,
        np.array([face["landmarks"] for face in found], np.float64).reshape(-1, 5, 2),
        results["f"]["data"],
    )


def compare_exactly(expected: Faces, got: Faces) -> str:
    if len(expected.boxes) != len(got.boxes):
        raise Mismatch(f"{len(expected.boxes)} faces upstream, {len(got.boxes)} here")
    if expected.prominent != got.prominent:
        raise Mismatch(f"prominent {expected.prominent} upstream, {got.prominent} here")
    if not len(expected.boxes):
        return expected.note
    distance = np.abs(expected.boxes[:, None] - got.boxes[None]).max(-1)
    pairs = distance.argmin(1)
    if len(set(pairs)) != len(pairs):
        raise Mismatch("two faces upstream lie nearest to one face here")
    box = distance.min(1).max()
    landmark = np.abs(expected.landmarks - got.landmarks[pairs]).max()
    score = np.abs(expected.scores - got.scores[pairs]).max()
    report = f"box {box:.5f} px, landmark {landmark:.5f} px, score {score:.1e}"
    if box > PIXELS or landmark > PIXELS or score > SCORE:
        raise Mismatch(report)
    return report


def compare(model: MTCNN, picture: Picture, expected: Faces, got: Faces) -> str:
    try:
        return compare_exactly(expected, got)
    except Mismatch:
        stable = theirs_stable(model, picture.decoded())
        if np.array_equal(stable.boxes, expected.boxes):
            raise
        return f"{compare_exactly(stable, got)}, equal scores in stable order"


def check(server: Server) -> tuple[int, int]:
    """Compares every picture, a line each; (comparisons, failures)."""
    model = MTCNN(device="cpu", keep_all=True)
    done = failed = 0
    for picture in pictures():
        expected = theirs(model, picture.decoded())
        done += 1
        try:
            got = ours(server, picture.name, picture.encoded)
            verdict, report = "ok  ", compare(model, picture, expected, got)
        except Mismatch as mismatch:
            verdict, report = "FAIL", str(mismatch)
            failed += 1
        count = f"{len(expected.boxes)} face{'' if len(expected.boxes) == 1 else 's'}"
        print(f"{verdict} mtcnn {picture.name:<24} {count:>9}  {report}", flush=True)
    return done, failed
