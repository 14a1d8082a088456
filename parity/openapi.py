"""Has schemathesis ask our server whatever /openapi.json allows and forbids, without keys and with them.

Each answer must be one that the document names. Needs the packages of requirements-openapi.txt.
Exits with schemathesis's first code that is not 0, or 0 if it found nothing.
"""

import argparse
import contextlib
import http.server
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import server

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent / "target/assets"
KEY = "a-key-for-this-run-only"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, default=server.BINARY)
    parser.add_argument(
        "--weights-dir", type=pathlib.Path, default=ASSETS / "weights", help="may lack any file"
    )
    parser.add_argument("--pictures", type=pathlib.Path, default=ASSETS / "photographs")
    parser.add_argument("--max-examples", type=int, default=100, help="of each operation")
    parser.add_argument("--seed", type=int, help="of schemathesis, to repeat a run")
    arguments = parser.parse_args()
    arguments.weights_dir.mkdir(parents=True, exist_ok=True)
    pictures = sorted(arguments.pictures.glob("*.png"))
    if not pictures:
        raise SystemExit(f"no pictures at {arguments.pictures}: run `make assets`")

    with serve_files(arguments.pictures) as port:
        codes = [ask(arguments, pictures, port, key) for key in (None, KEY)]
    sys.exit(next(filter(None, codes), 0))


def ask(
    arguments: argparse.Namespace, pictures: list[pathlib.Path], port: int, key: str | None
) -> int:
    """Schemathesis's code for a server that wants `key`, or none; `pictures` are also served at `port`."""
    settings = ["--fetch-allow", f"127.0.0.1:{port}"]
    if key:
        settings += ["--api-keys", f"schemathesis:{key}"]
    with server.serve(arguments.binary, arguments.weights_dir, settings=settings) as ours:
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            f"--config-file={HERE / 'openapi.toml'}",
        ]
        command += [
            "run",
            f"{ours.url}/openapi.json",
            f"--max-examples={arguments.max_examples}",
        ]
        if key:
            command.append(f"--header=Authorization: Bearer {key}")
        if arguments.seed is not None:
            command.append(f"--seed={arguments.seed}")
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "openapi_hooks",
            "PYTHONPATH": str(HERE),
            "OPENAPI_PICTURES": os.pathsep.join(map(str, pictures)),
            "OPENAPI_PICTURES_URL": f"http://127.0.0.1:{port}",
        }
        return subprocess.run(command, env=environment, check=False).returncode


@contextlib.contextmanager
def serve_files(folder: pathlib.Path) -> Iterator[int]:
    """Serves `folder` on the loopback address, and gives the port."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """Requests that are given up leave the picture where it is."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with Server(("127.0.0.1", 0), Handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield files.server_address[1]
        files.shutdown()


if __name__ == "__main__":
    main()
