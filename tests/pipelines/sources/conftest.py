"""The server that answers like Bible Brain, running."""

import threading
from collections.abc import Iterator

import pytest

from tests.pipelines.sources.bible_brain_server import KEY, BibleBrainServer


@pytest.fixture
def bible_brain(monkeypatch: pytest.MonkeyPatch) -> Iterator[BibleBrainServer]:
    """Serve on loopback, the right key in the environment."""
    monkeypatch.setenv("PERICOPE_DBP_KEY", KEY)
    with BibleBrainServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()
