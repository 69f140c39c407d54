"""Two real processes that talk over gloo: what they learn is what one would."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.devices import one_thread_each
from models.training.metrics import read_metrics
from tests.models.training.toys import CONFIG, Toy, ToyBatches, train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """The folder in which two ranks have worked."""
    folder = tmp_path_factory.mktemp("ranks")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    module = ["--nproc_per_node", "2", "-m", "tests.models.training.two_ranks"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, *module, folder],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def weights(folder, name):
    return torch.load(folder / f"{name}.pt", weights_only=True)


@pytest.mark.parametrize(("name", "bad"), [("sound", ()), ("bad", (9,))])
def test_two_ranks_learn_what_one_learns_from_all_their_batches(
    of_two, tmp_path, name, bad
):
    network = Toy(dropout=0.0)
    with one_thread_each():
        train(
            tmp_path,
            replace(CONFIG, steps=6),
            network=network,
            batches=ToyBatches(joined=4, bad=bad),
        )
    first, second = (weights(of_two, f"{name}-{rank}") for rank in (0, 1))
    for key, alone in network.state_dict().items():
        assert torch.equal(first[key], second[key])
        torch.testing.assert_close(first[key], alone, rtol=1e-5, atol=1e-6)
    assert read_metrics(of_two / name) == [
        (step, name, pytest.approx(value, rel=1e-4, abs=1e-6))
        for step, name, value in read_metrics(tmp_path)
    ]


def test_the_clips_at_fault_are_named_from_any_rank(of_two):
    table = (of_two / "bad/skipped.csv").read_text().splitlines()
    assert table == [
        "step,why,clips",
        "3,loss is no number,clip9_0 clip9_1 clip9_2 clip9_3 clip9_4",
    ]


def test_stopped_ranks_go_on_as_if_nothing_had_been(of_two):
    for rank in (0, 1):
        one = weights(of_two, f"undisturbed-{rank}")
        two = weights(of_two, f"resumed-{rank}")
        assert all(torch.equal(one[key], two[key]) for key in one)
    one, two = (of_two / k / "metrics.csv" for k in ("undisturbed", "stopped"))
    assert one.read_bytes() == two.read_bytes()
