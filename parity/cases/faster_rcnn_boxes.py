"""Faster R-CNN goldens of what surrounds the network: the transform, and all box arithmetic."""

import numpy as np
import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead, concat_box_prediction_layers
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign, batched_nms
from torchvision.ops.poolers import LevelMapper

from formula import uniform

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SIDES = [1, 2, 3, 5, 17, 31, 100, 224, 333, 427, 480, 500, 512, 600, 601, 639, 640, 720, 768, 799]
SIDES += [800, 801, 1000, 1024, 1066, 1067, 1080, 1200, 1280, 1332, 1333, 1334, 1600, 2000, 4000]
SIDES += [5000, 8000, 12000]
PICTURES = [(64, 64), (48, 80), (97, 61), (1, 1), (1, 3), (3, 1), (1, 1300), (900, 8), (810, 830)]
PIXEL_SAMPLES = 300
ANCHOR_SIZES = ((32,), (64,), (128,), (256,), (512,))
RATIOS = ((0.5, 1.0, 2.0),) * 5
IMAGES = [(800, 1088), (608, 800), (32, 1344)]
ANCHOR_SAMPLES = 64


def transform() -> dict[str, np.ndarray]:
    """Sizes that upstream scales images to, and numbers of scaled pictures."""
    upstream = GeneralizedRCNNTransform(800, 1333, MEAN, STD).eval()
    rows = []
    for height in SIDES:
        for width in SIDES:
            scale = min(800 / min(height, width), 1333 / max(height, width))
            # As `interpolate` computes it with `recompute_scale_factor`; checked on pictures below.
            rows.append([height, width, int(height * scale), int(width * scale)])
    out = {"transform.sizes": np.array(rows, np.int32)}
    for height, width in PICTURES:
        name = f"transform.picture.{height}x{width}"
        pixels = (128 + uniform(name, (height, width, 3), 128.0)).astype(np.uint8)
        image = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div(255)
        images, _ = upstream([image])
        flat = images.tensors[0].permute(1, 2, 0).reshape(-1).numpy()
        picked = np.arange(PIXEL_SAMPLES) * flat.size // PIXEL_SAMPLES
        sizes = [*images.image_sizes[0], *images.tensors.shape[-2:]]
        scale = min(800 / min(height, width), 1333 / max(height, width))
        assert sizes[:2] == [int(height * scale), int(width * scale)]
        out |= {f"{name}.sizes": np.array(sizes, np.int32), f"{name}.samples": flat[picked]}
    return out


def grid(image: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes of the pyramid's levels."""
    levels = [(image[0] // stride, image[1] // stride) for stride in (4, 8, 16, 32)]
    return [*levels, tuple((side + 1) // 2 for side in levels[-1])]


def anchors() -> dict[str, np.ndarray]:
    out = {}
    generator = AnchorGenerator(ANCHOR_SIZES, RATIOS)
    for image in IMAGES:
        features = [torch.zeros(1, 1, *size) for size in grid(image)]
        images = ImageList(torch.zeros(1, 3, *image), [image])
        made = generator(images, features)[0]
        counts = [3 * height * width for height, width in grid(image)]
        for level, boxes in enumerate(made.split(counts)):
            picked = np.arange(ANCHOR_SAMPLES) * len(boxes) // ANCHOR_SAMPLES
            out[f"anchors.{image[0]}x{image[1]}.{level}"] = boxes.numpy()[picked]
    return out


def heap(name: str, count: int, width: float, height: float, side: float) -> torch.Tensor:
    """Boxes of many sizes that overlap, some beyond the image."""
    place = uniform(f"{name}.place", (count, 2)) * 0.55 + 0.5
    sides = side * 4.0 ** uniform(f"{name}.sides", (count, 2))
    corner = place * [width, height] - sides / 2
    return torch.from_numpy(np.concatenate([corner, corner + sides], 1).astype(np.float32))


def scores(name: str, count: int) -> torch.Tensor:
    return torch.from_numpy((0.5 + uniform(name, (count,), 0.5)).astype(np.float32))


def decoded() -> dict[str, np.ndarray]:
    boxes = heap("decode.boxes", 60, 500, 300, 60)
    offsets = uniform("decode.offsets", (60, 4), 2.0).astype(np.float32)
    offsets[::7] *= 20
    out = {}
    for name, weights in {"rpn": (1.0, 1.0, 1.0, 1.0), "box": (10.0, 10.0, 5.0, 5.0)}.items():
        made = BoxCoder(weights).decode(torch.from_numpy(offsets), [boxes])
        out[f"decode.{name}"] = made[:, 0].numpy()
    return out


def suppressed() -> dict[str, np.ndarray]:
    """`batched_nms`, with the groups moved apart (up to 1,000 boxes) and one by one."""
    out = {}
    for count in (600, 1000, 1001, 2500):
        boxes = heap(f"nms.{count}", count, 800, 600, 90)
        groups = torch.arange(count) * 7 % 5
        for threshold in (0.5, 0.7):
            kept = batched_nms(boxes, scores(f"nms.{count}.scores", count), groups, threshold)
            assert 50 < len(kept) < count
            out[f"nms.{count}.{threshold}"] = kept.numpy().astype(np.int32)
    return out


def proposed() -> dict[str, np.ndarray]:
    """The proposal network behind its head, on formula answers; sizes of the real one."""
    size, padded = (301, 397), (320, 416)
    network = RegionProposalNetwork(
        AnchorGenerator(ANCHOR_SIZES, RATIOS),
        RPNHead(1, 3),
        *(0.7, 0.3, 256, 0.5),
        *({"testing": 1000}, {"testing": 1000}),
        0.7,
    ).eval()
    logits, offsets, before = [], [], 0
    for level, (height, width) in enumerate(grid(padded)):
        name = f"proposals.{level}"
        # All different, also as probabilities: upstream sorts equal ones in an order of its own.
        steps = np.arange(before, before := before + 3 * height * width) * 7919 % 100003
        steps = (4.0 * steps / 100003 - 2.0).astype(np.float32)
        logits.append(torch.from_numpy(steps.reshape(1, 3, height, width)))
        offsets.append(numbers(f"{name}.offsets", (1, 12, height, width), 0.5))
    features = [torch.zeros(1, 1, *level) for level in grid(padded)]
    images = ImageList(torch.zeros(1, 3, *padded), [size])
    counts = [level[0].numel() for level in logits]
    made = network.anchor_generator(images, features)
    flat_logits, flat_offsets = concat_box_prediction_layers(logits, offsets)
    boxes = network.box_coder.decode(flat_offsets, made).view(1, -1, 4)
    kept, _ = network.filter_proposals(boxes, flat_logits, [size], counts)
    return {"proposals.output": kept[0].numpy()}


def numbers(name: str, shape: tuple[int, ...], scale: float) -> torch.Tensor:
    return torch.from_numpy(uniform(name, shape, scale).astype(np.float32))


def pooled() -> dict[str, np.ndarray]:
    """`LevelMapper` on boxes about its borders, and `MultiScaleRoIAlign` in three channels."""
    sides = [0.0, 1.0, 111.9, 112.0, 112.1, 223.9, 224.0, 224.1, 447.9, 448.0, 448.1, 895.0, 896.0]
    squares = torch.tensor([[3.0, 5.0, 3.0 + side, 5.0 + side] for side in sides])
    boxes = torch.cat([squares, heap("levels", 200, 1300, 800, 200)])
    levels = LevelMapper(2, 5)([boxes]) + 2
    size = (250, 300)
    maps = {
        str(i): numbers(f"pool.{i}", (1, 3, 256 >> i + 2, 320 >> i + 2), 1.0) for i in range(4)
    }
    boxes = heap("pool.boxes", 40, 300, 250, 100)
    pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
    output = pool(maps, [boxes], [size])
    assert pool.scales == [0.25, 0.125, 0.0625, 0.03125]
    return {"levels.output": levels.numpy().astype(np.int32), "pool.output": output.numpy()[::3]}


def detected() -> dict[str, np.ndarray]:
    """`postprocess_detections`: few candidates, more than a hundred, more than a thousand.

    `background` is by how much its logit leads. Persons are rows x0 y0 x1 y1 score.
    """
    heads = RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, None, 0.05, 0.5, 100)
    size, count, out = (800, 1066), 300, {}
    for name, background, person in (("few", 9.5, 4.0), ("hundreds", 7.4, 1.0), ("many", 3.0, 1.0)):
        logits = uniform(f"detections.{name}.logits", (count, 91), 5.0)
        logits[:, 0] += background
        logits[:, 1] += person
        logits = torch.from_numpy(logits.astype(np.float32))
        offsets = numbers(f"detections.{name}.offsets", (count, 364), 1.0)
        boxes = heap(f"detections.{name}.boxes", count, 1066, 800, 120)
        boxes[:, 0::2] = boxes[:, 0::2].clamp(0, size[1])
        boxes[:, 1::2] = boxes[:, 1::2].clamp(0, size[0])
        found = heads.postprocess_detections(logits, offsets, [boxes], [size])
        found_boxes, found_scores, labels = (value[0] for value in found)
        candidates = int((logits.softmax(-1)[:, 1:] > 0.05).sum())
        persons = labels == 1
        all_persons = int((logits.softmax(-1)[:, 1] > 0.05).sum())
        print(f"detections.{name}: {candidates} candidates, {all_persons} persons, {len(labels)} found, {int(persons.sum())} persons")
        rows = torch.cat([found_boxes, found_scores[:, None]], 1)
        out[f"detections.{name}.persons"] = rows[persons].numpy()
        out[f"detections.{name}.candidates"] = np.array([candidates, len(labels)], np.int32)
    return out


def boxes() -> dict[str, np.ndarray]:
    return anchors() | decoded() | suppressed() | proposed() | pooled() | detected()


GOLDENS = {"faster_rcnn_transform": transform, "faster_rcnn_boxes": boxes}
