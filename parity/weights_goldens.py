"""Small PyTorch files for crates/weights, and what torch.load reads in them.

    python parity/weights_goldens.py                     writes crates/weights/tests/data/
    python parity/weights_goldens.py --compare FILE...   our reader against torch.load, every bit

Beside the `.pt` files lies `expected.safetensors`: the same tensors, contiguous, in a format that
our reader of PyTorch files has no part in.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import subprocess
import sys

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "crates" / "weights" / "tests" / "data"
NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def raw_bytes(tensor):
    """A tensor's values in row-major order, little-endian."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in sorted(tensors.items()):
        raw = raw_bytes(tensor)
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def every_kind():
    """A state dict with every element type and every way a tensor can lie in its storage."""
    torch.manual_seed(20)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    module[1].running_var.uniform_(0.5, 2.0)
    module[1].num_batches_tracked.fill_(-(2**40))
    state = module.state_dict()  # an OrderedDict with _metadata
    state["half"] = torch.randn(2, 3).half()
    state["brain"] = torch.randn(3, 2).bfloat16()
    state["special"] = torch.tensor([float("inf"), float("-inf"), -0.0, 1e-45, 3.4e38])
    state["i32"] = torch.tensor([-(2**31), 7], dtype=torch.int32)
    state["i16"] = torch.tensor([-(2**15), 7], dtype=torch.int16)
    state["i8"] = torch.tensor([-128, 7], dtype=torch.int8)
    state["u8"] = torch.tensor([255, 7], dtype=torch.uint8)
    state["flags"] = torch.tensor([[True], [False]])
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.empty(0, 4)
    state["tied"] = state["0.weight"]
    table = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state["table"] = table
    state["transposed"] = table.t()
    state["row"] = table[2]
    state["window"] = table[1:4:2, 1:6:2]
    state["permuted"] = torch.randn(2, 3, 4).permute(2, 0, 1)
    state["channels_last"] = torch.randn(1, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    state["parameter"] = torch.nn.Parameter(torch.randn(2))
    return state


def generate():
    DATA.mkdir(parents=True, exist_ok=True)
    state = every_kind()
    torch.save(state, DATA / "zip.pt")
    torch.save(state, DATA / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(state, DATA / "zip_protocol4.pt", pickle_protocol=4)
    torch.save(
        dict(state),
        DATA / "legacy_protocol5.pt",
        pickle_protocol=5,
        _use_new_zipfile_serialization=False,
    )
    loaded = torch.load(DATA / "zip.pt", weights_only=True)
    for other in ("legacy", "zip_protocol4", "legacy_protocol5"):
        again = torch.load(DATA / f"{other}.pt", weights_only=False)
        assert list(again) == list(loaded), other
        assert all(raw_bytes(again[k]) == raw_bytes(loaded[k]) for k in loaded), other
    write_safetensors(DATA / "expected.safetensors", loaded)
    torch.save({"double": torch.tensor([1.0], dtype=torch.float64)}, DATA / "double.pt")
    torch.save({"state": dict(weight=torch.ones(1)), "epoch": 3}, DATA / "training.pt")
    torch.save(torch.nn.Linear(1, 1), DATA / "module.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(DATA / "script.pt"))


def widened(tensor):
    """The type our reader hands out: f32 for floats, i64 for everything else."""
    return tensor.float() if tensor.is_floating_point() else tensor.to(torch.int64)


def compare(files):
    failed = 0
    for file in files:
        state = torch.load(file, weights_only=True)
        expected = {
            name: f"{NAMES[t.dtype]} [{', '.join(map(str, t.shape))}] "
            f"{hashlib.sha256(raw_bytes(widened(t))).hexdigest()}"
            for name, t in state.items()
        }
        run = ["cargo", "run", "-q", "-p", "weights", "--example", "tensor_digests", "--", file]
        lines = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found = dict(line.split(" ", 1) for line in lines.splitlines())
        wrong = [k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k)]
        print(f"{file}: {len(expected)} tensors, {len(wrong)} differ {wrong or ''}")
        failed += len(wrong)
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--compare", nargs="+", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.compare:
        files = [str(pathlib.Path(file).resolve()) for file in arguments.compare]
        sys.exit(1 if compare(files) else 0)
    generate()
