"""Faster R-CNN goldens: torchvision's own classes in two tiny sizes, stage by stage."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection._utils import overwrite_eps
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.resnet import Bottleneck, conv1x1
from torchvision.ops.misc import FrozenBatchNorm2d

from formula import detector_weight, uniform

SAMPLES = 256
PERSON = 1


class Size(NamedTuple):
    """A tiny network, and the (height, width) of what it is shown.

    `padded` and `size`: of the input of the stages. `pictures`: of whole images.
    """

    width: int
    blocks: tuple[int, int, int, int]
    pyramid: int
    representation: int
    classes: int
    anchors: tuple[int, ...]
    min_size: int
    max_size: int
    variance: float
    padded: tuple[int, int]
    size: tuple[int, int]
    pictures: tuple[tuple[int, int], ...]


SIZES = {
    "even": Size(
        width=8,
        blocks=(1, 1, 1, 1),
        pyramid=16,
        representation=32,
        classes=7,
        anchors=(16, 24, 32, 48, 64),
        min_size=64,
        max_size=96,
        variance=1.0,
        padded=(64, 96),
        size=(64, 96),
        pictures=((64, 80), (50, 75), (1, 1), (200, 130)),
    ),
    "odd": Size(
        width=6,
        blocks=(2, 1, 2, 1),
        pyramid=20,
        representation=24,
        classes=5,
        anchors=(10, 21, 33, 47, 90),
        min_size=57,
        max_size=131,
        variance=1e-4,
        padded=(64, 160),
        size=(57, 131),
        pictures=((57, 57), (31, 90), (90, 31), (3, 200)),
    ),
}
PRE_NMS_TOP_N, POST_NMS_TOP_N, DETECTIONS = 60, 40, 30


class Body(nn.Module):
    """A ResNet of torchvision's bottlenecks, thinner than `ResNet` can be made."""

    def __init__(self, size: Size):
        super().__init__()
        self.conv1 = nn.Conv2d(3, size.width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm2d(size.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        inputs = size.width
        for stage, blocks in enumerate(size.blocks):
            planes, made = size.width << stage, []
            for block in range(blocks):
                stride = 2 if block == 0 and stage > 0 else 1
                downsample = None
                if stride != 1 or inputs != 4 * planes:
                    downsample = nn.Sequential(
                        conv1x1(inputs, 4 * planes, stride), FrozenBatchNorm2d(4 * planes)
                    )
                made.append(
                    Bottleneck(inputs, planes, stride, downsample, norm_layer=FrozenBatchNorm2d)
                )
                inputs = 4 * planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))


def network(size: Size, case: str) -> FasterRCNN:
    stages = range(len(size.blocks))
    backbone = BackboneWithFPN(
        Body(size),
        {f"layer{stage + 1}": str(stage) for stage in stages},
        [4 * (size.width << stage) for stage in stages],
        size.pyramid,
    )
    ratios = ((0.5, 1.0, 2.0),) * len(size.anchors)
    net = FasterRCNN(
        backbone,
        min_size=size.min_size,
        max_size=size.max_size,
        rpn_anchor_generator=AnchorGenerator(tuple((side,) for side in size.anchors), ratios),
        rpn_pre_nms_top_n_test=PRE_NMS_TOP_N,
        rpn_post_nms_top_n_test=POST_NMS_TOP_N,
        box_head=TwoMLPHead(size.pyramid * 49, size.representation),
        box_predictor=FastRCNNPredictor(size.representation, size.classes),
        box_detections_per_img=DETECTIONS,
    )
    state = {
        key: torch.from_numpy(
            detector_weight(f"{case}.{key}", tuple(value.shape), size.variance)
        )
        for key, value in net.state_dict().items()
    }
    net.load_state_dict(state, strict=True)
    overwrite_eps(net, 0.0)
    # As a usual first image sets it; upstream would take it from the first it sees.
    pool = net.roi_heads.box_roi_pool
    pool.forward({str(i): torch.zeros(1, 1, 200 >> i, 256 >> i) for i in range(4)}, [torch.zeros(1, 4)], [(800, 1024)])
    return net.eval()


def goldens() -> dict[str, np.ndarray]:
    out = {}
    with torch.no_grad():
        for name, size in SIZES.items():
            case = f"faster_rcnn.{name}"
            net = network(size, case)
            out |= stages(net, case, size) | pictures(net, case, size)
    return out


def samples(value: torch.Tensor) -> np.ndarray:
    flat = value.reshape(-1).numpy()
    count = min(SAMPLES, flat.size)
    return flat[np.arange(count) * flat.size // count]


def stages(net: FasterRCNN, case: str, size: Size) -> dict[str, np.ndarray]:
    """Every stage's answer to formula pixels, which are not an image's."""
    pixels = torch.from_numpy(uniform(f"{case}.input", (1, 3, *size.padded), 2.0).astype(np.float32))
    images = ImageList(pixels, [size.size])
    trunk = list(net.backbone.body(pixels).values())
    features = net.backbone(pixels)
    logits, offsets = net.rpn.head(list(features.values()))
    proposals = net.rpn(images, features)[0][0]
    pooled = net.roi_heads.box_roi_pool(features, [proposals], [size.size])
    representation = net.roi_heads.box_head(pooled)
    classes, boxes = net.roi_heads.box_predictor(representation)
    found = net.roi_heads.postprocess_detections(classes, boxes, [proposals], [size.size])
    tapped = {f"c{i + 2}": value for i, value in enumerate(trunk)}
    tapped |= {f"p{i + 2}": value for i, value in enumerate(features.values())}
    for i, (level_logits, level_offsets) in enumerate(zip(logits, offsets, strict=True)):
        tapped |= {f"logits{i + 2}": level_logits, f"offsets{i + 2}": level_offsets}
    tapped |= {"pooled": pooled, "representation": representation}
    out = {f"{case}.{tap}": samples(value) for tap, value in tapped.items()}
    whole = {"proposals": proposals, "classes": classes, "boxes": boxes}
    whole |= dict(zip(("found.boxes", "found.scores", "found.labels"), (v[0] for v in found), strict=True))
    return out | {f"{case}.{name}": value.numpy() for name, value in whole.items()}


def picture(case: str, height: int, width: int) -> np.ndarray:
    return (128 + uniform(f"{case}.picture.{height}x{width}", (height, width, 3), 128.0)).astype(
        np.uint8
    )


def pictures(net: FasterRCNN, case: str, size: Size) -> dict[str, np.ndarray]:
    """Persons in whole images: rows x0 y0 x1 y1 score."""
    out = {}
    for height, width in size.pictures:
        image = torch.from_numpy(picture(case, height, width)).permute(2, 0, 1).float().div(255)
        found = net([image])[0]
        persons = found["labels"] == PERSON
        rows = torch.cat([found["boxes"], found["scores"][:, None]], 1)[persons]
        out[f"{case}.picture.{height}x{width}.persons"] = rows.numpy()
    return out


GOLDENS = {"faster_rcnn": goldens}
