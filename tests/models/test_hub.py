"""Hub names, against a hub on this machine that speaks the real one's protocol."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.wav2vec2 import load_wav2vec2
from tests.models.tiny_wav2vec2 import save_plain, save_with_adapters

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from models import load_acoustic_model
from schemas.errors import PericopeError
for name in sys.argv[1:]:
    try:
        model = load_acoustic_model(name, "cpu")
        print(json.dumps({"fingerprint": model.fingerprint, "labels": model.labels}))
    except PericopeError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


@dataclass
class Hub:
    """Serves folders as repositories."""

    repositories: dict[str, Path]
    served: list[str] = field(default_factory=list)
    address: str = ""


def handler_for(hub: Hub) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            for name, folder in hub.repositories.items():
                _, _, request = path.partition(f"/{name}/")
                kind, _, rest = request.partition("/")
                if kind == "revision":
                    self.answer(about(name, folder))
                elif kind == "tree":
                    self.answer(listing(folder))
                elif kind == "resolve" and (folder / Path(rest).name).is_file():
                    self.send_file(folder / Path(rest).name)
                else:
                    continue
                return
            self.answer(b"{}", 404, X_Error_Code="RepoNotFound")

        do_HEAD = do_GET

        def send_file(self, file: Path) -> None:
            body = file.read_bytes()
            if self.command == "GET":
                hub.served.append(file.name)
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            self.answer(body, ETag=tag, X_Repo_Commit=COMMIT)

    return Handler


def about(name: str, folder: Path) -> bytes:
    """What the hub tells of a repository."""
    siblings = [{"rfilename": path.name} for path in sorted(folder.iterdir())]
    answer = {"_id": "1", "id": name, "sha": COMMIT, "private": False, "tags": [],
              "downloads": 0, "siblings": siblings}  # fmt: skip
    return json.dumps(answer).encode()


def listing(folder: Path) -> bytes:
    """What the hub tells of the files of a commit."""
    files = [
        {
            "type": "file",
            "path": path.name,
            "size": path.stat().st_size,
            "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.iterdir())
    ]
    return json.dumps(files).encode()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    save_plain(folder / "plain")
    save_with_adapters(folder / "many")
    (folder / "plain" / "pytorch_model.bin").write_bytes(b"never fetched")
    hub = Hub({"reader/plain": folder / "plain", "reader/many": folder / "many"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    thread.join()
    server.server_close()


def load_elsewhere(names: list[str], hub: Hub, home: Path, **settings) -> list[dict]:
    """Load in a process of its own: the library reads its address once, at import."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names],
        cwd=ROOT,
        env=os.environ
        | {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_models_by_their_hub_names(hub, tmp_path):
    plain, many = (
        load_wav2vec2(reference, "cpu")
        for reference in (
            str(hub.repositories["reader/plain"]),
            f"{hub.repositories['reader/many']}#swh",
        )
    )
    names = ["hf:reader/plain", "hf:reader/plain", "hf:reader/many#swh", "hf:reader/no"]
    first, second, adapted, unknown = load_elsewhere(names, hub, tmp_path)

    assert first["labels"] == list(plain.labels)
    assert first == second
    assert hub.served.count("model.safetensors") == 2  # one for each repository
    assert "pytorch_model.bin" not in hub.served
    assert adapted == {"fingerprint": many.fingerprint, "labels": list(many.labels)}
    adapters = [name for name in hub.served if name.startswith("adapter")]
    assert adapters == ["adapter.swh.safetensors"]
    assert unknown["error"] == "ConfigError"
    assert "'reader/no' is no folder here" in unknown["message"]

    hub.served.clear()
    names = ["hf:reader/plain", "hf:reader/many#swh", "hf:reader/other"]
    cached, cached_adapter, away = load_elsewhere(
        names, hub, tmp_path, HF_HUB_OFFLINE="1"
    )
    assert not hub.served
    assert (cached, cached_adapter) == (first, adapted)
    assert away["error"] == "ConfigError"
    assert "give its folder" in away["message"]
