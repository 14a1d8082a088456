"""BLIP live: our server's captions against transformers' at full size, from bytes to words."""

import os
import pathlib
from typing import NamedTuple

# transformers would look for a newer file of what lies here.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms import functional
from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration

from cases.blip import generate
from cases.mtcnn_images import DATA, Picture, encode, lfw_grid, photo
from server import Mismatch, Server, serve

CATALOGUE_NAME = "blip-image-captioning-large"
FOLDER = "Salesforce/blip-image-captioning-large"
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
START, END = 30522, 102
PROMPT = "bababa Bebaba, bi"
# Of captions that may have 50 tokens, so many must end before. Those that run into the limit prove little.
ENDING = 0.5


class Wish(NamedTuple):
    beams: int
    max_length: int
    prompt: str | None = None

    def params(self) -> dict:
        params = {"num_beams": self.beams, "max_length": self.max_length}
        return params | ({"prompt": self.prompt} if self.prompt else {})

    def __str__(self) -> str:
        return f"{self.beams} beams, {self.max_length:>2}{', prompt' if self.prompt else ''}"


WISHES = [Wish(1, 50), Wish(4, 8), Wish(4, 50), Wish(4, 50, PROMPT), Wish(2, 20)]


class Upstream:
    """transformers' model and tokenizer on the files of a weights folder."""

    def __init__(self, folder: pathlib.Path):
        config = BlipConfig.from_pretrained(folder)
        self.model = BlipForConditionalGeneration(config).eval()
        missing, unexpected = self.model.load_state_dict(
            load_file(folder / "model.safetensors"), strict=False
        )
        tied = {f"text_decoder.cls.predictions.decoder.{name}" for name in ("weight", "bias")}
        if set(missing) - tied or unexpected:
            raise SystemExit(f"missing {missing}, unexpected {unexpected}")
        self.model.tie_weights()
        self.tokenizer = BertTokenizerFast.from_pretrained(folder)

    def see(self, image: Image.Image) -> torch.Tensor:
        resized = image.convert("RGB").resize((384, 384), Image.Resampling.BICUBIC)
        pixels = functional.normalize(functional.to_tensor(resized), MEAN, DEVIATION)
        return self.model.vision_model(pixels[None]).last_hidden_state

    def tokens(self, seen: torch.Tensor, wish: Wish) -> list[int]:
        ids = self.tokenizer(wish.prompt).input_ids[:-1] if wish.prompt else [START]
        ids[0] = START
        return generate(self.model, seen, ids, wish.beams, wish.max_length, END)

    def text(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=True
        )


def pictures() -> list[Picture]:
    names = ["astronaut", "camera", "chelsea", "coffee", "coins", "color", "horse", "ihc", "moon"]
    names += ["gravel"]
    found = [encode(photo(name).convert("RGB"), f"{name}.png") for name in names]
    found.append(encode(Image.open(DATA / "hubble_deep_field.jpg"), "hubble.jpg", quality=85))
    found.append(encode(lfw_grid(40, 1), "wide.png"))
    found.append(encode(photo("astronaut").resize((3, 2)), "tiny.png"))
    return found


def check(binary: pathlib.Path, weights: pathlib.Path) -> tuple[int, int]:
    """Compares every caption at each precision, a line a picture; (comparisons, failures)."""
    upstream, given = Upstream(weights / FOLDER), pictures()
    with torch.no_grad():
        seen = [upstream.see(picture.decoded()) for picture in given]
        expected = [[upstream.tokens(image, wish) for wish in WISHES] for image in seen]
    long = [tokens for captions in expected for tokens, wish in zip(captions, WISHES, strict=True) if wish.max_length == 50]
    ended = sorted(len(tokens) for tokens in long if tokens[-1] == END)
    print(f"     blip: {len(ended)} of {len(long)} captions of up to 50 tokens end by themselves, with {ended[:1]} to {ended[-1:]} tokens")
    done, failed = 1, int(len(ended) < ENDING * len(long) or len(set(ended)) < 5)
    for precision in ("f32", "bf16"):
        with serve(binary, weights, settings=("--precision", precision)) as server:
            for picture, captions in zip(given, expected, strict=True):
                texts = [upstream.text(tokens) for tokens in captions]
                done += 1
                try:
                    verdict, report = "ok  ", compare(ask(server, picture), texts, precision)
                except Mismatch as mismatch:
                    verdict, report = "FAIL", str(mismatch)
                    failed += 1
                lengths = " ".join(f"{len(tokens):>2}" for tokens in captions)
                print(f"{verdict} blip {precision:<4} {picture.name:<20} tokens {lengths}  {report}", flush=True)
    return done, failed


def ask(server: Server, picture: Picture) -> list[str]:
    tasks = [
        {"operation_id": str(i), "type": "describe_image", "params": wish.params()}
        for i, wish in enumerate(WISHES)
    ]
    results = server.results(picture.name, picture.encoded, tasks)
    for task in tasks:
        if results[task["operation_id"]]["status"] != "success":
            raise Mismatch(f"{results[task['operation_id']]}")
    return [results[task["operation_id"]]["data"] for task in tasks]


def compare(got: list[str], expected: list[str], precision: str) -> str:
    """f32: the same words. bf16: the same first word, and how many words agree."""
    agreeing = []
    for wish, ours, theirs in zip(WISHES, got, expected, strict=True):
        ours_words, theirs_words = ours.split(), theirs.split()
        same = 0
        while same < min(len(ours_words), len(theirs_words)) and ours_words[same] == theirs_words[same]:
            same += 1
        agreeing.append(f"{same}/{len(theirs_words)}")
        if precision == "f32" and ours != theirs:
            raise Mismatch(f"{wish}: '{ours}', upstream '{theirs}'")
        if precision == "bf16" and theirs_words and not same:
            raise Mismatch(f"{wish}: '{ours}', upstream '{theirs}'")
    return "identical" if got == expected else f"first words that agree: {', '.join(agreeing)}"
