"""BLIP goldens: transformers' captioner in two tiny sizes, its preprocessing, and what its tokenizer says."""

import json
import pathlib
import tempfile
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

from formula import captioner_weight, uniform

PAD, PIXEL_SAMPLES = 0, 256
PICTURES = [(40, 61), (500, 400), (1, 7)]
WISHES = [(1, 20), (2, 20), (3, 8), (4, 4), (4, 8), (4, 16), (4, 20), (8, 20)]


class Size(NamedTuple):
    """Of both networks; `text` and `vision` override transformers' settings."""

    text: dict
    vision: dict
    start: int
    end: int


SIZES = {
    "even": Size(
        dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48, vocab_size=60),
        dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=8),
        58,
        3,
    ),
    "odd": Size(
        dict(hidden_size=35, num_hidden_layers=3, num_attention_heads=5, intermediate_size=50, vocab_size=61),
        dict(hidden_size=30, num_hidden_layers=1, num_attention_heads=3, intermediate_size=45, image_size=21, patch_size=7),
        59,
        4,
    ),
}


def network(case: str, size: Size) -> BlipForConditionalGeneration:
    text = dict(max_position_embeddings=24, bos_token_id=size.start, sep_token_id=size.end, pad_token_id=PAD, eos_token_id=1)
    config = BlipConfig.from_dict({"text_config": size.text | text, "vision_config": size.vision})
    net = BlipForConditionalGeneration(config).eval()
    state = {}
    for name, value in net.state_dict().items():
        if name.startswith("text_decoder.cls.predictions.decoder."):
            continue
        weight = captioner_weight(f"{case}.{name}", tuple(value.shape), size.end)
        state[name] = torch.from_numpy(weight)
    net.load_state_dict(state, strict=False)
    net.tie_weights()
    return net


@torch.no_grad()
def goldens() -> dict[str, np.ndarray]:
    out = {}
    for name, size in SIZES.items():
        case = f"blip.{name}"
        net = network(case, size)
        side = size.vision["image_size"]
        pixels = torch.from_numpy(uniform(f"{case}.input", (2, 3, side, side), 2.0).astype(np.float32))
        seen = net.vision_model(pixels).last_hidden_state
        tokens = torch.tensor([[size.start, 7, 31, 5, 44, 7, 19]])
        logits = net.text_decoder(input_ids=tokens.repeat(2, 1), encoder_hidden_states=seen, is_decoder=True).logits
        out |= {f"{case}.vision": seen.numpy(), f"{case}.tokens": tokens[0].numpy(), f"{case}.logits": logits.numpy()}
        prompt = [size.start, 11, 52]
        for beams, limit in WISHES:
            for image in range(2):
                for kind, ids in (("plain", prompt[:1]), ("prompt", prompt)):
                    text = generate(net, seen[image : image + 1], ids, beams, limit, size.end)
                    out[f"{case}.{kind}.{beams}.{limit}.{image}"] = np.array(text)
    return out


def generate(
    net: BlipForConditionalGeneration,
    seen: torch.Tensor,
    ids: list[int],
    beams: int,
    limit: int,
    end: int,
) -> list[int]:
    """As its own `generate`, which would look at the image each time; `seen` is what it makes of that."""
    return net.text_decoder.generate(
        input_ids=torch.tensor([ids]),
        eos_token_id=end,
        pad_token_id=PAD,
        encoder_hidden_states=seen,
        encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
        max_length=limit,
        num_beams=beams,
        early_stopping=beams > 1,
        do_sample=False,
    )[0].tolist()


def preprocessing() -> dict[str, np.ndarray]:
    processor, out = BlipImageProcessorPil(), {}
    for height, width in PICTURES:
        name = f"blip.picture.{height}x{width}"
        picture = (128 + uniform(name, (height, width, 3), 128.0)).astype(np.uint8)
        pixels = processor(Image.fromarray(picture), return_tensors="np")["pixel_values"][0]
        values = np.asarray(pixels).transpose(1, 2, 0).reshape(-1).astype(np.float32)
        picked = np.arange(PIXEL_SAMPLES) * values.size // PIXEL_SAMPLES
        out[f"{name}.samples"] = values[picked]
    return out


def vocabulary() -> dict[str, int]:
    words = ["[PAD]", "[unused]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += list(".,!?'-&") + ["a", "woman", "s", "t", "n", "is", "don", "do", "not", "i", "m", "they", "re", "ve"]
    words += ["photo", "##graph", "##s", "##ing", "##e", "walk", "red", "cafe", "dog", "of", "in", "the", "snow"]
    return {word: index for index, word in enumerate([*words, "[DEC]"])}


def rules() -> dict:
    """A tokenizer.json of BERT's form with a few dozen words."""
    words = vocabulary()
    marks = [word for word in words if word.startswith("[") and word != "[unused]"]
    plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    mark = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    single = [mark("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, mark("[SEP]")]
    special = {name: {"id": name, "ids": [words[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [dict(id=words[name], content=name, **plain) for name in marks],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": words},
    }


def texts(file: pathlib.Path) -> dict:
    """What upstream reads and writes with the tokenizer in `file`."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "tokenizer.json").write_text(file.read_text())
        tokenizer = BertTokenizerFast.from_pretrained(folder)
    words = vocabulary()
    spoken = [
        "[DEC] a photo ##graph of a dog . [SEP]",
        "[DEC] they ' re walk ##ing , i ' m not ! [SEP] [PAD] [PAD]",
        "[DEC] woman ' s photo ##s don ' t [UNK] walk ? [SEP]",
        "a - dog & [CLS] the [MASK] snow",
        "##graph ##s a",
        "[DEC] [SEP]",
        "they do not [unused] ' s 've",
    ]
    ids = [[words.get(word, words["[UNK]"]) for word in text.split()] for text in spoken]
    decoded = [tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=True) for tokens in ids]
    prompts = ["a photograph of", "A RED, dog!", "Café walking zebra", "", "  the   snow ", "woman's [SEP] dog", "a" * 120]
    encoded = [tokenizer(prompt, truncation=False).input_ids for prompt in prompts]
    return {
        "decoded": [list(pair) for pair in zip(ids, decoded, strict=True)],
        "encoded": [list(pair) for pair in zip(prompts, encoded, strict=True)],
    }


def everything() -> dict[str, np.ndarray]:
    data = pathlib.Path(__file__).resolve().parent.parent.parent / "crates/models/tests/data"
    file = data / "blip_tokenizer.json"
    file.write_text(json.dumps(rules(), ensure_ascii=False) + "\n")
    (data / "blip_texts.json").write_text(json.dumps(texts(file), ensure_ascii=False, indent=1) + "\n")
    return goldens() | preprocessing()


GOLDENS = {"blip": everything}
