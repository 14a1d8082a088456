"""What f32 decides clearly about persons, so that bf16 has to decide the same.

The error of a bf16 forward pass is measured per score: upstream's own, under autocast, on the same picture. A score is clear
where it is further than `MARGIN` errors from what it is compared with: the threshold, the last one that is kept, the score of
a box that would suppress it or that it suppresses. That holds for proposals as for persons. Upstream's own boxes under autocast
are no measure: their coordinates are rounded to 8 bits.
"""

from typing import NamedTuple

import torch
from PIL import Image
from torchvision.models.detection.rpn import concat_box_prediction_layers
from torchvision.ops import box_iou, clip_boxes_to_image
from torchvision.transforms.functional import to_tensor

MARGIN = 4.0
PERSON = 1
SAME = 0.95  # IoU from which two boxes are one
NEARLY = 0.05  # an overlap that near to the one that suppresses may be on the other side of it


class Stages(NamedTuple):
    """What the trunk and the proposals' head make of a picture."""

    features: dict[str, torch.Tensor]
    objectness: list[torch.Tensor]
    deltas: list[torch.Tensor]


def clear(model: torch.nn.Module, image: Image.Image, boxes: torch.Tensor) -> torch.Tensor:
    """Which of the persons that upstream lists, in the picture's pixels, have no decision within the margin."""
    if not len(boxes):
        return torch.zeros(0, dtype=torch.bool)
    images, _ = model.transform([to_tensor(image)])
    size = images.image_sizes[0]
    exact, rounded = stages(model, images, False), stages(model, images, True)
    proposals, decided = clear_proposals(model, images, exact, rounded)
    scores, deltas = heads(model, images, exact.features, proposals, False)
    others, _ = heads(model, images, rounded.features, proposals, True)
    found = model.roi_heads.box_coder.decode(deltas, [proposals])[:, PERSON]
    found = clip_boxes_to_image(found, size).double()
    persons = scores[:, PERSON]
    listed = persons > model.roi_heads.score_thresh
    error = rms((persons - others[:, PERSON])[listed])

    scale = torch.tensor([size[1] / image.width, size[0] / image.height] * 2, dtype=torch.float64)
    overlap, source = box_iou(boxes * scale, found[listed]).max(1)
    own = persons[listed][source]
    unrivalled = undisputed(found[listed], persons[listed], source, error, model.roi_heads.nms_thresh)
    kept = torch.sort(scores[:, 1:].flatten(), descending=True).values[: model.roi_heads.detections_per_img]
    least = max(float(kept[-1]), model.roi_heads.score_thresh)
    return decided[listed][source] & unrivalled & (own - least > MARGIN * error) & (overlap > SAME)


def stages(model: torch.nn.Module, images, bf16: bool) -> Stages:
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        features = model.backbone(images.tensors)
        objectness, deltas = model.rpn.head(list(features.values()))
    features = {name: values.float() for name, values in features.items()}
    return Stages(features, [level.float() for level in objectness], [level.float() for level in deltas])


def heads(model, images, features, proposals, bf16: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [n, classes] and box deltas of proposals."""
    heads = model.roi_heads
    pooled = heads.box_roi_pool(features, [proposals], images.image_sizes)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
    return logits.float().softmax(-1), deltas.float()


def clear_proposals(model, images, exact: Stages, rounded: Stages) -> tuple[torch.Tensor, torch.Tensor]:
    """The proposals, and which of them no decision within the margin has brought."""
    rpn = model.rpn
    anchors = rpn.anchor_generator(images, list(exact.features.values()))
    counts = [level[0].numel() for level in exact.objectness]
    objectness, deltas = concat_box_prediction_layers(exact.objectness, exact.deltas)
    boxes = rpn.box_coder.decode(deltas, anchors).view(1, -1, 4)
    proposals = rpn.filter_proposals(boxes, objectness, images.image_sizes, counts)[0][0]
    before = clip_boxes_to_image(boxes[0], images.image_sizes[0])
    decided = torch.zeros(len(proposals), dtype=torch.bool)
    start = 0
    for exact_level, rounded_level, count in zip(exact.objectness, rounded.objectness, counts, strict=True):
        error = rms(exact_level - rounded_level)
        scores = objectness[start : start + count, 0]
        top = scores.topk(min(count, rpn.pre_nms_top_n())).indices
        level, scores = before[start : start + count][top], scores[top]
        start += count
        equal = (proposals[:, None] == level[None]).all(-1)
        here, source = equal.any(1), equal.float().argmax(1)
        cut = scores[-1] if len(top) < count else scores.new_tensor(-torch.inf)
        sure = undisputed(level, scores, source[here], error, rpn.nms_thresh)
        decided[here] = sure & (scores[source[here]] - cut > MARGIN * error)
    return proposals, decided


def undisputed(boxes, scores, chosen, error: float, suppressing: float) -> torch.Tensor:
    """Which of the `chosen` have no rival with nearly their score, and no stronger one that nearly suppresses them."""
    overlap = box_iou(boxes[chosen], boxes)
    lead = scores[chosen][:, None] - scores[None]
    rivals = (lead.abs() <= MARGIN * error) & (overlap > suppressing - NEARLY)
    rivals[torch.arange(len(chosen)), chosen] = False
    edge = ((overlap - suppressing).abs() < NEARLY) & (lead < MARGIN * error)
    return ~rivals.any(1) & ~edge.any(1)


def rms(values: torch.Tensor) -> float:
    return float(values.double().square().mean().sqrt()) if values.numel() else 0.0
