"""The second round from end to end: kept where it is better, nothing done twice."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.bundled import load_bundled, save_bundled
from models.network import AcousticNetwork, NetworkConfig
from models.training.progress import Progress
from pipelines.config import load_config
from pipelines.job import Job, run_job
from pipelines.realign import realign
from pipelines.second_model import RealignConfig
from pipelines.start_weights import StartWeights
from pipelines.tables import read_alignments
from schemas.errors import ConfigError
from tests.pipelines.corpora import Speech, contents, run_plainly, states, write_corpus

SHORT_CLIPS = "[segment]\ntarget_sec = 3.0\nmin_sec = 1.0\nmax_sec = 6.0\n"
# Weights hardly move: what is tested is what becomes of a model, good or bad.
OPTIONS = RealignConfig(
    steps=2, learning_rate=1e-7, batch_sec=1.0, checkpoint_every=1, least_verses=2
)
# A book for training, and one for development, whose verses are compared.
BOOKS = {"swh-mrk-001": "LUK", "swh-luk-001": "MRK"}


class Stopped(Exception):
    """What a kill is in these tests."""


def run(job: Job) -> int:
    return run_job(job, "plain")


def refuse(*_) -> None:
    pytest.fail("trained again")


def rows_of(speech: Speech) -> list[dict[str, str]]:
    return [{**speech.row(name), "book": book} for name, book in BOOKS.items()]


def work(output: Path) -> dict[str, tuple[int, int]]:
    """Return the states of results in the store; notes on local files come and go."""
    found = states(output / "store")
    return {path: state for path, state in found.items() if path[:5] != "fetch"}


def tables(output: Path) -> dict[str, str]:
    """Leave out selections: they count their versions."""
    names = ("alignments/", "segments/", "ledger/", "shards/")
    return {k: v for k, v in contents(output).items() if k.startswith(names)}


@pytest.fixture
def random_start() -> StartWeights:
    torch.manual_seed(3)
    return StartWeights(AcousticNetwork(NetworkConfig()), "random")


def test_a_worse_model_changes_nothing(speech: Speech, tmp_path, random_start):
    toml = write_corpus(tmp_path, speech, rows_of(speech), SHORT_CLIPS)
    assert run_plainly(toml) == 0
    first, config = tmp_path / "corpus", load_config(toml)
    expected = tables(first)

    def stop(progress: Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        realign(config, OPTIONS, run, stop, start=random_start)
    told: list[int] = []
    made = realign(
        config, OPTIONS, run, lambda p: told.append(p.step), start=random_start
    )
    assert told == [2]  # step 1 was done
    (swh,) = made.languages
    assert (swh.language, swh.keep) == ("swh", 1)
    assert swh.new_separation < swh.old_separation
    second = Path(made.output)
    assert tables(second) == expected == tables(first)
    document = json.loads((second / "corpus.json").read_text())
    assert document["second_round"]["languages"] == []
    assert not (second / "store").exists()

    # Once more: no training, no aligning, the corpus as it was.
    before, jobs = work(first), []

    def counted(job: Job) -> int:
        jobs.append(job)
        return run(job)

    again = realign(config, OPTIONS, counted, refuse, start=random_start)
    assert again == made and len(jobs) == 1
    assert work(first) == before
    assert tables(second) == expected

    # A run into the second round would undo it.
    toml.write_text(toml.read_text().replace('"corpus"', '"corpus/round2"'))
    with pytest.raises(ConfigError, match="made by `pericope realign`"):
        run_plainly(toml)


def test_a_better_model_is_kept(speech: Speech, tmp_path):
    torch.manual_seed(3)
    good = load_bundled("cpu")
    worse = StartWeights(good.network, "").copy()
    for weights in worse.parameters():
        noise = torch.randn_like(weights) * weights.detach().std().nan_to_num(0.0)
        weights.data += 0.8 * noise
    save_bundled(worse, good.calibration, tmp_path / "worse.safetensors")
    model = f'[model]\nname = "bundled:{tmp_path}/worse.safetensors"\n'
    rules = "[select.default]\nscore = { min = -99.0 }\n[select.surely]\n"
    toml = write_corpus(
        tmp_path,
        speech,
        rows_of(speech),
        SHORT_CLIPS + model + rules,
    )
    assert run_plainly(toml) == 0
    start = StartWeights(good.network, "bundled")
    made = realign(load_config(toml), OPTIONS, run, lambda _: None, start=start)
    (swh,) = made.languages
    assert swh.keep == 2 and swh.gain > 2 * swh.gain_error
    assert not math.isnan(swh.shifted_share)
    old = {row.model for row in read_alignments(str(tmp_path / "corpus"))}
    new = {row.model for row in read_alignments(made.output)}
    document = json.loads(Path(made.output, "corpus.json").read_text())
    assert new == {document["second_round"]["fingerprint"]} and new != old
    assert document["second_round"]["languages"] == ["swh"]
    # "auto" is the threshold of the model that aligned the language.
    surely = json.loads(Path(made.output, "selections/surely.json").read_text())
    assert "language in ('swh') and score >=" in json.dumps(surely["rules"])


def test_nothing_to_learn_is_told(speech: Speech, tmp_path):
    toml = write_corpus(
        tmp_path,
        speech,
        rows_of(speech)[:1],
        "[select.default]\nscore = { min = 5.0 }\n",
    )
    assert run_plainly(toml) == 0
    with pytest.raises(ConfigError, match="selection 'default' keeps, found none"):
        realign(load_config(toml), OPTIONS, run, refuse)


def test_from_scratch_begins_with_the_sharp_loss():
    training = replace(OPTIONS, steps=9, from_scratch=True).training
    assert (training.sharp_steps, training.free_steps) == (4, 5)
    assert OPTIONS.training.sharp_steps == 0
