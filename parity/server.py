"""Our service as a child process on the loopback address, with the Python packages' weights."""

import contextlib
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("PARITY_BINARY", ROOT / "target/release/image-embed"))
START_LIMIT_S = 60
REQUEST_LIMIT_S = 120


class Mismatch(Exception):
    """Ours and upstream's answers differ by more than is allowed."""


class Server:
    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def analyze(self, name: str, encoded: bytes, tasks: list[dict]) -> requests.Response:
        return requests.post(
            f"{self.url}/analyze_image_upload/",
            files={"image_file": (name, encoded)},
            data={"tasks_json": json.dumps(tasks)},
            timeout=REQUEST_LIMIT_S,
        )

    def results(self, name: str, encoded: bytes, tasks: list[dict]) -> dict[str, dict]:
        """Each task's result, by its `operation_id`. No answer is no match."""
        try:
            response = self.analyze(name, encoded, tasks)
        except requests.RequestException as error:
            raise Mismatch(f"no answer: {error}") from error
        if response.status_code != 200:
            raise Mismatch(f"HTTP {response.status_code}: {response.text[:200]}")
        return response.json()["results"]


@contextlib.contextmanager
def serve(
    binary: pathlib.Path = BINARY,
    weights: pathlib.Path | None = None,
    threads: int | None = None,
    settings: Sequence[str] = (),
) -> Iterator[Server]:
    """Starts the binary and waits until it answers; stops it on the way out.

    `weights` is laid out as `--weights-dir` wants it; without it the packages' files are served.
    `settings` are further arguments of `serve`.
    """
    require(binary)
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        work = pathlib.Path(folder)
        if weights is None:
            weights = work / "weights"
            lay_weights(weights)
        port = free_port()
        command = [binary, "serve", "--host", "127.0.0.1", "--port", str(port), "--offline"]
        command += ["--weights-dir", weights, *settings]
        if threads:
            command += ["--threads", str(threads)]
        with (work / "log").open("w+") as log:
            child = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
            try:
                server = Server(port)
                wait_until_up(server, child, work / "log")
                yield server
                if child.poll() is not None:
                    raise SystemExit(ending(child, work / "log"))
            except requests.ConnectionError as error:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(1)
                raise SystemExit(f"{ending(child, work / 'log')}\n{error}") from error
            finally:
                child.terminate()
                try:
                    child.wait(15)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def require(binary: pathlib.Path) -> None:
    if not binary.is_file():
        raise SystemExit(f"no binary at {binary}: run `cargo build --release` or set PARITY_BINARY")


def seed(binary: pathlib.Path, folder: pathlib.Path, name: str) -> None:
    """Our own seeded weights of the catalogue's model `name`, laid out likewise."""
    require(binary)
    made = subprocess.run(
        [binary, "models", "seed", folder, name], env=environment(), capture_output=True, text=True
    )
    if made.returncode:
        raise SystemExit(f"models seed {name} ended with {made.returncode}:\n{made.stderr}")


def lay_weights(folder: pathlib.Path) -> None:
    """The facenet-pytorch wheel's own files, laid out as `--weights-dir` wants them."""
    package = pathlib.Path(
        importlib.util.find_spec("facenet_pytorch").submodule_search_locations[0]
    )
    target = folder / "facenet-pytorch"
    target.mkdir(parents=True)
    for net in ("pnet", "rnet", "onet"):
        shutil.copy(package / "data" / f"{net}.pt", target)


def environment() -> dict[str, str]:
    """Ours, without settings of the service: only the command line decides."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("IMAGE_EMBED_")
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ending(child: subprocess.Popen, log: pathlib.Path) -> str:
    """How the child ended, negative for a signal, and the last of what it said."""
    state = "is still running" if child.poll() is None else f"ended with {child.returncode}"
    return f"the server {state}:\n{log.read_text()[-4000:]}"


def wait_until_up(server: Server, child: subprocess.Popen, log: pathlib.Path) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if child.poll() is not None:
            raise SystemExit(ending(child, log))
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{server.url}/health", timeout=5).ok:
                return
        time.sleep(0.05)
    raise SystemExit(f"the server did not answer in {START_LIMIT_S} s:\n{log.read_text()}")
