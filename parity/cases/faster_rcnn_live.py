"""Person detection live: our server against torchvision's model, one weights file on both sides."""

import pathlib
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, fasterrcnn_resnet50_fpn
from torchvision.ops import box_iou
from torchvision.transforms.functional import to_tensor

from cases import faster_rcnn_margin
from cases.faster_rcnn_images import pictures, refused
from cases.mtcnn_images import Picture
from server import Mismatch, Server, serve

CATALOGUE_NAME = "fasterrcnn-resnet50-fpn"
FILE = "torchvision/fasterrcnn_resnet50_fpn_coco-258fb6c6"
PERSON = 1
PIXELS = 0.01
SCORE = 1e-4
THRESHOLD = 0.05  # below it upstream lists nothing
CONFIDENT = 0.5
PARAMS = {"target": "prominent_person"}
TASKS = [
    {"operation_id": "p", "type": "detect_bounding_box", "params": PARAMS},
    {
        "operation_id": "all",
        "type": "detect_bounding_box",
        "params": PARAMS | {"max_detections": 100},
    },
]


class Persons(NamedTuple):
    """Boxes [n, 4] and scores [n], best first, and the service's answer."""

    boxes: torch.Tensor
    scores: torch.Tensor
    prominent: list[int] | None


def load(weights: pathlib.Path) -> torch.nn.Module:
    """As the Python service makes it, with what upstream downloads taken from a file.

    So the batch norms' eps is upstream's own doing.
    """
    path = weights / f"{FILE}.pth"
    if path.is_file():
        state = torch.load(path, weights_only=True)
    else:
        state = load_file(path.with_suffix(".safetensors"))
    with mock.patch("torchvision.models._api.load_state_dict_from_url", return_value=state):
        return fasterrcnn_resnet50_fpn(weights=FasterRCNN_ResNet50_FPN_Weights.COCO_V1).eval()


def theirs(model: torch.nn.Module, image: Image.Image) -> Persons:
    found = model([to_tensor(image)])[0]
    persons = found["labels"] == PERSON
    boxes, scores = found["boxes"][persons].double(), found["scores"][persons].double()
    if not len(boxes):
        return Persons(boxes, scores, None)
    limits = np.array([image.width, image.height] * 2, np.float64)
    prominent = np.clip(boxes[scores.argmax()].numpy(), 0, limits)
    return Persons(boxes, scores, [int(value) for value in prominent])


def ours(server: Server, picture: Picture) -> Persons:
    results = server.results(picture.name, picture.encoded, TASKS)
    for key in ("p", "all"):
        if results[key]["status"] != "success":
            raise Mismatch(f"task {key}: {results[key]}")
    found = results["all"]["data"] or []
    scores = torch.tensor([person["score"] for person in found], dtype=torch.float64)
    if (scores.diff() > 0).any():
        raise Mismatch("max_detections is not best first")
    boxes = torch.tensor([person["bbox"] for person in found], dtype=torch.float64)
    return Persons(boxes.reshape(-1, 4), scores, results["p"]["data"])


def compare_f32(expected: Persons, got: Persons) -> str:
    """The same persons, but for those whose score is on the threshold."""
    left, box, score, edge = list(range(len(got.boxes))), 0.0, 0.0, 0
    for bbox, value in zip(expected.boxes, expected.scores, strict=True):
        near = [
            i
            for i in left
            if (got.boxes[i] - bbox).abs().max() <= PIXELS and abs(got.scores[i] - value) <= SCORE
        ]
        if near:
            left.remove(near[0])
            box = max(box, float((got.boxes[near[0]] - bbox).abs().max()))
            score = max(score, float(abs(got.scores[near[0]] - value)))
        elif value <= THRESHOLD + SCORE:
            edge += 1
        else:
            raise Mismatch(f"no person here at {bbox.tolist()}, {value:.6f} upstream")
    for i in left:
        if got.scores[i] > THRESHOLD + SCORE:
            raise Mismatch(f"no person upstream at {got.boxes[i].tolist()}, {got.scores[i]:.6f}")
    edge += len(left)
    if expected.prominent != got.prominent:
        raise Mismatch(f"prominent {expected.prominent} upstream, {got.prominent} here")
    note = f", {edge} on the threshold" if edge else ""
    return f"box {box:.5f} px, score {score:.1e}{note}"


def compare_bf16(expected: Persons, clear: torch.Tensor, got: Persons) -> str:
    """Every person that f32 finds clearly, where it finds them; and the same winner, if that is clear."""
    found = torch.zeros(len(expected.boxes))
    if len(got.boxes) and len(found):
        found = box_iou(expected.boxes, got.boxes).amax(1)
    same = found >= faster_rcnn_margin.SAME
    report = f"{int(clear.sum())} clear, {int(same.sum())} found"
    if (clear & ~same).any():
        missed = int((clear & ~same).nonzero()[0])
        raise Mismatch(f"{report}; none here at {expected.boxes[missed].tolist()}, {expected.scores[missed]:.3f} upstream")
    confident = expected.scores >= CONFIDENT
    if len(found) == 0 and (got.scores >= CONFIDENT).any():
        raise Mismatch(f"{len(got.boxes)} persons here, none upstream")
    return f"{report}, {int((confident & same).sum())} of {int(confident.sum())} confident ones"


def check(binary: pathlib.Path, weights: pathlib.Path) -> tuple[int, int]:
    """Compares every picture at each precision, a line each; (comparisons, failures)."""
    model, given = load(weights), pictures()
    with torch.no_grad():
        expected = [theirs(model, picture.decoded()) for picture in given]
    many = sum(len(persons.boxes) > 0 for persons in expected)
    print(f"     faster_rcnn: persons in {many} of {len(given)} pictures")
    done, failed = 1, int(2 * many < len(given))  # weights that find nothing show nothing
    with torch.no_grad():
        clear = [faster_rcnn_margin.clear(model, picture.decoded(), persons.boxes) for picture, persons in zip(given, expected, strict=True)]
    sure, listed = sum(int(one.sum()) for one in clear), sum(len(one) for one in clear)
    print(f"     faster_rcnn: f32 decides {sure} of {listed} persons clearly")
    for precision in ("f32", "bf16"):
        with serve(binary, weights, settings=("--precision", precision)) as server:
            for picture, persons, sure in zip(given, expected, clear, strict=True):
                def compare(picture=picture, persons=persons, sure=sure):
                    got = ours(server, picture)
                    return compare_f32(persons, got) if precision == "f32" else compare_bf16(persons, sure, got)

                verdict, report = run(compare)
                done, failed = done + 1, failed + (verdict == "FAIL")
                count = f"{len(persons.boxes)} persons"
                print(f"{verdict} faster_rcnn {precision:<4} {picture.name:<24} {count:>11}  {report}", flush=True)
            for picture in refused():
                verdict, report = run(lambda p=picture: compare_refused(model, server, p))
                done, failed = done + 1, failed + (verdict == "FAIL")
                print(f"{verdict} faster_rcnn {precision:<4} {picture.name:<24} {report}", flush=True)
    return done, failed


def run(comparison) -> tuple[str, str]:
    try:
        return "ok  ", comparison()
    except Mismatch as mismatch:
        return "FAIL", str(mismatch)


def compare_refused(model: torch.nn.Module, server: Server, picture: Picture) -> str:
    try:
        with torch.no_grad():
            model([to_tensor(picture.decoded())])
    except RuntimeError as error:
        results = server.results(picture.name, picture.encoded, TASKS)
        status = results["p"]["status"]
        if status == "success":
            raise Mismatch(f"upstream raises ({str(error)[:60]}), answered here") from error
        return f"upstream raises, {status} here"
    raise Mismatch("upstream does not raise")
