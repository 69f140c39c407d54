"""What is deleted from the store is what no run would use, and all of that."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.alone import alone_in
from pipelines.config import load_config
from pipelines.job import prepare_job
from pipelines.prune import StagePruned, prune_store
from pipelines.run_log import log_uri, logging_to
from pipelines.verify import verify_corpus
from schemas.errors import ArtifactError, ConfigError
from tests.pipelines.corpora import contents, run_plainly, write_corpus


@pytest.fixture(scope="module")
def toml(speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings, one without text, whose run is over."""
    folder = tmp_path_factory.mktemp("prune")
    rows = speech.rows(unlabeled=("swh-luk-001",))[:2]
    path = write_corpus(folder, speech, rows)
    assert run_plainly(path) == 0
    return path


def pruned(toml: Path, *, delete: bool = False) -> dict[str, StagePruned]:
    found = prune_store(prepare_job(load_config(toml), 1), delete=delete)
    return {stage.stage: stage for stage in found}


def stages_that_worked(toml: Path) -> list[tuple[str, str]]:
    """Run and return the stages that found less than all in the store."""
    output = toml.parent / "corpus"
    uri = log_uri(str(output), "test")
    with logging_to(uri):
        assert run_plainly(toml) == 0
    rows = [json.loads(line) for line in Path(uri).read_text().splitlines()]
    done = [row for row in rows if row["event"] == "done"]
    assert len(done) == 10
    return [(row["stage"], row["recording"]) for row in done if not row["reused"]]


def test_nothing_is_unused_after_the_first_run(toml):
    found = pruned(toml)
    assert sum(stage.unused_files for stage in found.values()) == 0
    assert {"align", "emissions", "score", "opinion", "speech", "cut"} <= set(found)


def test_what_a_changed_text_left_is_found_and_goes(toml, speech):
    output = toml.parent / "corpus"
    text = toml.parent / speech.row("swh-mrk-001")["text"]
    text.write_text(f"{text.read_text().rstrip()} moja\n")
    unfinished = output / "store/fetch/unfinished"
    unfinished.mkdir(parents=True, exist_ok=True)
    (unfinished / ("ab" * 32)).write_bytes(b"x" * 100)
    half = pruned(toml, delete=True)  # before the run that uses the new text
    assert half["emissions"].unused_files == 0
    assert half["align"].unused_files == half["score"].unused_files == 1
    assert half["cut"].unused_files == 2
    assert half["fetch"].unused_bytes >= 100
    assert not list(unfinished.iterdir())
    worked = stages_that_worked(toml)
    assert ("align", "swh-mrk-001") in worked
    assert not [row for row in worked if row[0] != "fetch" and row[1] == "swh-luk-001"]
    before = contents(output)
    again = pruned(toml, delete=True)
    assert sum(s.unused_files for s in again.values() if s.stage != "fetch") == 0
    assert contents(output) == before
    assert [row for row in stages_that_worked(toml) if row[0] != "fetch"] == []
    assert contents(output) == before
    assert verify_corpus(str(output), lambda *_: None) == []


def test_a_dry_run_changes_nothing_and_other_stages_stay(toml):
    output = toml.parent / "corpus"
    kept = output / "store/label/aa" / f"{'aa' * 32}.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"of another command")
    stale = output / "store/align/aa" / f"{'aa' * 32}.npz"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_bytes(b"of an earlier version")
    try:
        assert pruned(toml)["align"].unused_bytes == len(b"of an earlier version")
        assert stale.exists()
        assert pruned(toml, delete=True)["align"].unused_files == 1
        assert kept.exists() and not stale.exists()
    finally:
        shutil.rmtree(kept.parent)


def test_nothing_goes_while_a_source_is_not_at_hand(toml, speech):
    text = toml.parent / speech.row("swh-mrk-001")["text"]
    aside = text.rename(text.with_suffix(".aside"))
    try:
        assert pruned(toml)["align"].unused_files == 1
        with pytest.raises(ConfigError, match="first is swh-mrk-001"):
            pruned(toml, delete=True)
    finally:
        aside.rename(text)
    assert pruned(toml)["align"].unused_files == 0


def test_not_beside_a_run_and_not_without_a_store(toml, speech, tmp_path):
    with alone_in(str(toml.parent / "corpus")), pytest.raises(ConfigError, match="run"):
        pruned(toml)
    rows = speech.rows(unlabeled=("swh-luk-001",))[1:2]
    with pytest.raises(ArtifactError, match="expected the store"):
        pruned(write_corpus(tmp_path, speech, rows))
