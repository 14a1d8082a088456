"""Pickled classifiers: `image-embed classifiers import` against what was pickled, every form of it."""

import pathlib
import pickle
import subprocess
import tempfile
from collections.abc import Callable

import joblib
import numpy as np
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression

from cases.logistic import DATA_SETS, fit
from server import environment

NAMES = ("tiny", "wide", "one_to_fifty")


def check(binary: pathlib.Path) -> tuple[int, int]:
    """How many files were imported, and how many differ in any bit."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="parity-import-") as folder:
        work = pathlib.Path(folder)
        files = {}
        for name in NAMES:
            model = fit(*DATA_SETS[name].samples(name))
            for form, write in FORMS.items():
                path = work / f"collection_{len(files)}_classifier_2025-01-01_000000.pkl"
                write(model, path)
                files[path] = (f"{name} {form}", model)
        command = [binary, "classifiers", "import", "--classifiers-dir", work / "ours"]
        command += ["--embedding", "embed_clip_vit_b_32", *files]
        made = subprocess.run(command, env=environment(), capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"import ended with {made.returncode}:\n{made.stdout}\n{made.stderr}")
        for path, (name, model) in files.items():
            ours = load_file(work / "ours" / f"{path.stem}.safetensors")
            same = np.array_equal(ours["coefficients"], model.coef_[0])
            same &= np.array_equal(ours["intercept"], model.intercept_)
            failed += not same
            print(f"{'ok  ' if same else 'FAIL'} import {name}", flush=True)
    return len(files), failed


def plain(protocol: int) -> Callable[[LogisticRegression, pathlib.Path], None]:
    return lambda model, path: path.write_bytes(pickle.dumps(model, protocol=protocol))


def joblibs(**options) -> Callable[[LogisticRegression, pathlib.Path], None]:
    return lambda model, path: joblib.dump(model, path, **options)


FORMS = {f"pickle {protocol}": plain(protocol) for protocol in (2, 3, 4, 5)}
FORMS |= {f"joblib {protocol}": joblibs(protocol=protocol) for protocol in (2, 3, 4, 5)}
FORMS |= {f"joblib {method}": joblibs(compress=(method, 3)) for method in ("zlib", "gzip")}
