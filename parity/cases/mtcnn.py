"""MTCNN goldens: the three networks on formula weights, and the box arithmetic around them."""

import numpy as np
import torch
from facenet_pytorch import ONet, PNet, RNet
from facenet_pytorch.models.utils import detect_face as upstream
from torchvision.ops.boxes import batched_nms

from formula import uniform, weight

PNET_SIZES = [(12, 12), (13, 17), (31, 23)]
TAP_SAMPLES = 128
AREA_CASES = [  # (height, width) in, (height, width) out
    ((7, 5), (24, 24)),
    ((24, 24), (24, 24)),
    ((53, 97), (24, 24)),
    ((1, 9), (24, 24)),
    ((9, 1), (24, 24)),
    ((1, 1), (9, 7)),
    ((60, 41), (13, 12)),
    ((40, 60), (17, 25)),
    ((33, 20), (20, 13)),
    ((101, 37), (61, 23)),
]


def networks() -> dict[str, np.ndarray]:
    """Every layer's output, sampled, and the whole of the final outputs."""
    inputs = {f"pnet.{h}x{w}": (1, 3, h, w) for h, w in PNET_SIZES}
    inputs |= {"rnet.24x24": (3, 3, 24, 24), "onet.48x48": (2, 3, 48, 48)}
    loaded = {
        name: formula_weights(name, kind)
        for name, kind in (("pnet", PNet), ("rnet", RNet), ("onet", ONet))
    }
    out = {}
    for case, shape in inputs.items():
        net = loaded[case.split(".")[0]]
        taps = tap_layers(net)
        x = uniform(f"{case}.input", shape).astype(np.float32)
        with torch.no_grad():
            outputs = net(torch.from_numpy(x))
        for layer, value in taps.items():
            flat = value.reshape(-1)
            count = min(TAP_SAMPLES, flat.size)
            picked = np.arange(count) * flat.size // count
            out[f"{case}.{layer}.shape"] = np.array(value.shape, np.int32)
            out[f"{case}.{layer}.samples"] = flat[picked]
            axes = tuple(axis for axis in range(value.ndim) if axis != 1)
            out[f"{case}.{layer}.means"] = value.mean(axes, dtype=np.float64).astype(np.float32)
            taps[layer] = None
        names = ("regression", "landmarks", "probabilities")
        if len(outputs) == 2:
            names = ("regression", "probabilities")
        out |= {f"{case}.{name}": value.numpy() for name, value in zip(names, outputs, strict=True)}
    return out


def formula_weights(name, kind) -> torch.nn.Module:
    net = kind(pretrained=False)
    state = {
        key: torch.from_numpy(weight(f"{name}.{key}", tuple(value.shape)))
        for key, value in net.state_dict().items()
    }
    net.load_state_dict(state, strict=True)
    return net


def tap_layers(net) -> dict[str, np.ndarray]:
    taps = {}
    for layer, module in net.named_children():
        if layer.startswith(("conv", "prelu", "pool", "dense")):
            module.register_forward_hook(
                lambda _module, _inputs, value, layer=layer: taps.update(
                    {layer: value.numpy().copy()}
                )
            )
    return taps


def area() -> dict[str, np.ndarray]:
    """`imresample`: u8 images [height, width, 3], which the formula rebuilds, to f32 likewise."""
    out = {}
    for (h, w), size in AREA_CASES:
        case = f"{h}x{w}_to_{size[0]}x{size[1]}"
        image = (128 + uniform(f"area.{case}", (h, w, 3), 128.0)).astype(np.uint8)
        planes = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).float()
        resized = upstream.imresample(planes, size)
        out[case] = resized[0].permute(1, 2, 0).contiguous().numpy()
    return out


def boxes() -> dict[str, np.ndarray]:
    return candidate_boxes() | box_arithmetic() | suppression()


def candidate_boxes() -> dict[str, np.ndarray]:
    """`generateBoundingBox`, with one probability exactly on the threshold."""
    out = {}
    for level, (h, w) in enumerate([(9, 13), (6, 9), (5, 6), (1, 1)]):
        case, scale = f"candidates.{level}", 0.6 * 0.709**level
        regression = uniform(f"{case}.regression", (4, h, w), 0.3).astype(np.float32)
        probability = (0.5 + uniform(f"{case}.probability", (h, w), 0.5)).astype(np.float32)
        probability[-1, -1] = np.float32(0.6)
        found, _ = upstream.generateBoundingBox(
            torch.from_numpy(regression)[None], torch.from_numpy(probability)[None], scale, 0.6
        )
        out |= {f"{case}.regression": regression, f"{case}.probability": probability}
        out |= {f"{case}.scale": np.array([scale], np.float32), f"{case}.output": found.numpy()}
    return out


def box_arithmetic() -> dict[str, np.ndarray]:
    """`rerec`, `pad` in a 90x70 image, `bbreg`; boxes inside, across and beyond every border."""
    given = uniform("boxes.input", (40, 4), 60.0) + [40.0, 30.0, 70.0, 60.0]
    given[0] = [10.0, 10.0, 10.0, 10.0]
    given[1] = [-0.5, 0.99, 89.99, 70.5]
    given[2] = [0.0, 1.0, 90.0, 70.0]
    given[3] = [30.0, 20.0, 12.0, 44.0]
    given = given.astype(np.float32)
    offsets = uniform("boxes.offsets", (40, 4), 0.4).astype(np.float32)
    y, ey, x, ex = upstream.pad(torch.from_numpy(given.copy()), 90, 70)
    return {
        "boxes.input": given,
        "boxes.offsets": offsets,
        "rerec.output": upstream.rerec(torch.from_numpy(given.copy())).numpy(),
        "pad.output": np.stack([x, y, ex, ey], axis=1).astype(np.int32),
        "bbreg.output": upstream.bbreg(
            torch.from_numpy(given.copy()), torch.from_numpy(offsets)
        ).numpy(),
    }


def suppression() -> dict[str, np.ndarray]:
    """Greedy NMS: torchvision's at 0.5 and 0.7, and upstream's "Min" at 0.7."""
    out = {}
    for case, count, levels in [("distinct", 60, None), ("ties", 60, 6), ("large", 1100, None)]:
        corner = np.floor(
            50 + uniform(f"nms.{case}.corner", (count, 2), 40.0 if count < 1000 else 400.0)
        )
        side = np.floor(30 + uniform(f"nms.{case}.side", (count, 2), 12.0))
        scores = 0.5 + uniform(f"nms.{case}.scores", (count,), 0.5)
        if levels:
            scores = np.floor(scores * levels) / levels
            corner[1], side[1], scores[1] = corner[0], side[0], scores[0]
        given = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
        scores = scores.astype(np.float32)
        image = torch.zeros(count, dtype=torch.int64)
        tensors = torch.from_numpy(given), torch.from_numpy(scores), image
        if count < 1000:  # the large case is rebuilt by the formula
            out |= {f"nms.{case}.boxes": given, f"nms.{case}.scores": scores}
        for threshold in (0.5, 0.7):
            out[f"nms.{case}.keep_{threshold}"] = indices(batched_nms(*tensors, threshold))
        if not levels:  # among ties numpy's unstable sort decides, differently on other processors
            assert len(np.unique(scores)) == count
            keep = upstream.batched_nms_numpy(*tensors, 0.7, "Min")
            out[f"nms.{case}.keep_min_0.7"] = indices(keep)
    return out | tied_min_suppression()


def indices(keep: torch.Tensor) -> np.ndarray:
    return keep.numpy().astype(np.int32)


def tied_min_suppression() -> dict[str, np.ndarray]:
    """Ties that end alike whichever goes first: identical boxes, and boxes that do not meet."""
    given = np.array(
        [
            [0, 0, 20, 20],
            [0, 0, 20, 20],
            [100, 0, 130, 30],
            [104, 4, 124, 24],
            [200, 9, 230, 39],
            [201, 9, 231, 39],
        ],
        np.float32,
    )
    scores = np.array([0.9, 0.9, 0.9, 0.8, 0.7, 0.75], np.float32)
    keep = upstream.batched_nms_numpy(
        torch.from_numpy(given),
        torch.from_numpy(scores),
        torch.zeros(6, dtype=torch.int64),
        0.7,
        "Min",
    )
    kept = given[keep.numpy()]
    order = np.lexsort(kept.T[::-1])
    return {
        "nms.min_ties.boxes": given,
        "nms.min_ties.scores": scores,
        "nms.min_ties.kept": kept[order],
    }


GOLDENS = {
    "mtcnn_networks": networks,
    "mtcnn_area": area,
    "mtcnn_boxes": boxes,
}
