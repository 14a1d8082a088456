"""Classifiers: `image-embed train` against scikit-learn, on the same file, split and seed."""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
from safetensors.numpy import load_file
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split

from cases.logistic import DATA_SETS, DataSet, fit
from server import environment, require

# A fifth of the rows is held out: SPEED is trained on 20,000.
SPEED = "20000x512"
LIVE = DATA_SETS | {
    SPEED: DataSet(25_000, 512, 0.3, 0.5, 0.01),
    "5000x1280": DataSet(6_250, 1280, 0.5, 0.5, 0.01),
    "5000x512 separable": DataSet(6_250, 512, 0.5, 0.5, 1.0),
    "8000x512 one to fifty": DataSet(10_000, 512, 0.02, 0.5, 0.02),
}
SEED = 42
TOLERANCE = 1e-4
REPEATS = 3


def check(binary: pathlib.Path) -> tuple[int, int]:
    """How many data sets were compared, and how many differ."""
    require(binary)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="parity-logistic-") as folder:
        work = pathlib.Path(folder)
        write_site(work / "site")
        rows = {row["name"]: row for row in train(binary, work)}
        for number, name in enumerate(LIVE):
            failed += not compare(work, number, name, rows[name])
    return len(LIVE), failed


def write_site(site: pathlib.Path) -> None:
    """What the training site serves: float32 written with as many digits as tell it from others."""
    listed = [{"id": number, "name": name} for number, name in enumerate(LIVE)]
    site.mkdir()
    (site / "collections.json").write_text(json.dumps(listed))
    for number, (name, data) in enumerate(LIVE.items()):
        features, labels = data.samples(name)
        file = site / "collections" / str(number) / "training_data.json"
        file.parent.mkdir(parents=True)
        with file.open("w") as out:
            for index, (row, label) in enumerate(zip(features, labels, strict=True)):
                numbers = ",".join(map("{:.9g}".format, row))
                start = "," if index else "["
                out.write(f'{start}{{"embedding":[{numbers}],"label":{str(label).lower()}}}\n')
            out.write("]")


def train(binary: pathlib.Path, work: pathlib.Path) -> list[dict]:
    command = [binary, "train", "--json", "--data", work / "site"]
    command += ["--classifiers-dir", work / "classifiers", "--seed", str(SEED)]
    made = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(f"train ended with {made.returncode}:\n{made.stdout}\n{made.stderr}")
    return json.loads(made.stdout)


def compare(work: pathlib.Path, number: int, name: str, row: dict) -> bool:
    samples = json.loads((work / f"site/collections/{number}/training_data.json").read_text())
    features = np.array([sample["embedding"] for sample in samples])
    labels = np.array([sample["label"] for sample in samples])
    del samples
    train_x, test_x, train_y, test_y = train_test_split(
        features, labels, test_size=0.2, stratify=labels, random_state=SEED
    )
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        model = fit(train_x, train_y)
        times.append((time.perf_counter() - began) * 1e3)
    ours = load_file(work / "classifiers" / row["model_file"])
    coefficients = np.abs(ours["coefficients"] - model.coef_[0]).max()
    intercept = np.abs(ours["intercept"] - model.intercept_).max()
    decisions = features @ ours["coefficients"] + ours["intercept"]
    probabilities = np.abs(1 / (1 + np.exp(-decisions)) - model.predict_proba(features)[:, 1]).max()
    said = model.predict(test_x)
    options = {"average": "macro", "zero_division": 0}
    measures = {
        "macro_precision": precision_score(test_y, said, **options),
        "macro_recall": recall_score(test_y, said, **options),
        "macro_f1": f1_score(test_y, said, **options),
        "accuracy": accuracy_score(test_y, said),
        "roc_auc": roc_auc_score(test_y, model.decision_function(test_x)),
    }
    measured = max(abs(row["metrics"][key] - value) for key, value in measures.items())
    worst = max(coefficients, intercept, probabilities, measured)
    theirs = statistics.median(times)
    slow = name == SPEED and row["fit_ms"] > theirs
    right = worst <= TOLERANCE and row["iterations"] == model.n_iter_[0] and not slow
    print(
        f"{'ok  ' if right else 'FAIL'} logistic {name}: coefficients {coefficients:.1e}, "
        f"intercept {intercept:.1e}, probabilities {probabilities:.1e}, measures {measured:.1e}, "
        f"{row['iterations']} iterations (upstream {model.n_iter_[0]}), "
        f"fit {row['fit_ms']:.1f} ms (upstream {theirs:.1f} ms)",
        flush=True,
    )
    return right
