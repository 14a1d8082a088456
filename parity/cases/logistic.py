"""Goldens of the classifiers: scikit-learn's liblinear fit, its split and its measures."""

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import train_test_split

import formula


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Embeddings of two overlapping or separate classes, all from formulas."""

    rows: int
    width: int
    # Of the rows, the part in the class.
    share: float
    # Largest absolute value of what the rows do not have in common.
    spread: float
    # Largest distance of the classes' means from 0, in one dimension.
    distance: float

    def samples(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """float32 [rows, width], bool [rows]; the first two rows have both labels."""
        labels = (formula.uniform(f"{name}.labels", (self.rows,)) + 1) / 2 < self.share
        labels[:2] = [True, False]
        mean = formula.uniform(f"{name}.mean", (self.width,), self.distance)
        features = formula.uniform(f"{name}.features", (self.rows, self.width), self.spread)
        features += np.where(labels, 1.0, -1.0)[:, None] * mean
        return features.astype(np.float32), labels


DATA_SETS = {
    "tiny": DataSet(20, 512, 0.5, 0.5, 0.1),
    "balanced": DataSet(300, 64, 0.5, 1.0, 0.15),
    "one_to_fifty": DataSet(1020, 48, 0.02, 1.0, 0.3),
    "separable": DataSet(1000, 96, 0.5, 0.5, 2.0),
    "wide": DataSet(150, 1280, 0.3, 1.0, 0.05),
    "large_numbers": DataSet(200, 40, 0.4, 30.0, 5.0),
    "small_numbers": DataSet(600, 24, 0.5, 0.05, 0.004),
}
SPLITS = {"even": (100, 0.5), "rare": (57, 0.1), "least": (6, 0.5), "lots": (35, 0.3)}
SEEDS = (42, 0, 2**32 - 1)


def fit(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    """As the Python service trains: it hands over lists, which become float64."""
    model = LogisticRegression(class_weight="balanced", C=0.1, solver="liblinear")
    return model.fit(features.astype(np.float64), labels)


def fits() -> dict[str, np.ndarray]:
    found = {}
    for name, data in DATA_SETS.items():
        features, labels = data.samples(name)
        model = fit(features, labels)
        found |= {
            f"{name}.coefficients": model.coef_[0],
            f"{name}.intercept": model.intercept_,
            f"{name}.iterations": model.n_iter_.astype(np.int32),
            f"{name}.probabilities": model.predict_proba(features.astype(np.float64))[:, 1],
        }
    return found


def measures() -> dict[str, np.ndarray]:
    """Of decisions with ties, on both sides of 0 and on it."""
    found = {}
    for name, (rows, share) in {"even": (40, 0.5), "rare": (60, 0.1), "never": (30, 0.4)}.items():
        labels = (formula.uniform(f"metrics.{name}.labels", (rows,)) + 1) / 2 < share
        decisions = np.round(formula.uniform(f"metrics.{name}.decisions", (rows,), 4.0))
        decisions = decisions + labels if name != "never" else -np.abs(decisions)
        said = decisions > 0
        options = {"average": "macro", "zero_division": 0}
        found[f"metrics.{name}"] = np.array(
            [
                precision_score(labels, said, **options),
                recall_score(labels, said, **options),
                f1_score(labels, said, **options),
                accuracy_score(labels, said),
                roc_auc_score(labels, decisions),
            ]
        )
    return found


def splits() -> dict[str, np.ndarray]:
    found = {}
    for name, (rows, share) in SPLITS.items():
        labels = split_labels(name, rows, share)
        for seed in SEEDS:
            train, test = train_test_split(
                np.arange(rows, dtype=np.int32), test_size=0.2, stratify=labels, random_state=seed
            )
            found[f"split.{name}.{seed}.train"] = train
            found[f"split.{name}.{seed}.test"] = test
    return found


def split_labels(name: str, rows: int, share: float) -> np.ndarray:
    labels = (formula.uniform(f"split.{name}.labels", (rows,)) + 1) / 2 < share
    labels[:4] = [True, False, True, False]
    return labels


GOLDENS = {"logistic": lambda: fits() | measures() | splits()}
