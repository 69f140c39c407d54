"""The loop against plain torch, itself after a kill, and bad numbers."""

import csv
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional

from models.devices import one_thread_each
from models.training.checkpoints import load_weights
from models.training.metrics import read_metrics
from models.training.progress import Progress, progress_line
from models.training.task import Losses
from schemas.errors import ConfigError, TrainingDiverged
from tests.models.training.toys import CONFIG, Toy, ToyBatches, ToyTask, train

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread():
    with one_thread_each():
        yield


def assert_same_weights(one, two, **tolerance):
    for name, weights in one.state_dict().items():
        torch.testing.assert_close(
            weights, two.state_dict()[name], **(tolerance or {"rtol": 0, "atol": 0})
        )


def test_a_step_is_that_of_plain_torch_on_the_mean_over_items(tmp_path):
    network, plain = Toy(dropout=0.0), Toy(dropout=0.0)
    config = replace(CONFIG, steps=6, accumulate=3)
    train(tmp_path, config, network=network)
    optimiser = torch.optim.AdamW(
        plain.parameters(), lr=0.05, betas=CONFIG.betas, weight_decay=0.0
    )
    batches = ToyBatches(joined=3)
    for _ in range(6):
        batch = next(batches)
        functional.cross_entropy(plain(batch.x), batch.y).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimiser.step()
        optimiser.zero_grad()
    assert_same_weights(network, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulate", [2, 5])
def test_batches_that_make_a_step_weigh_as_one_that_holds_them_all(
    tmp_path, accumulate
):
    apart, joined = Toy(dropout=0.0), Toy(dropout=0.0)
    train(tmp_path / "1", replace(CONFIG, accumulate=accumulate), network=apart)
    batches = ToyBatches(joined=accumulate)
    train(tmp_path / "2", network=joined, batches=batches)
    assert_same_weights(apart, joined, rtol=1e-5, atol=1e-6)
    one, two = (
        [value for _, name, value in read_metrics(tmp_path / k) if name == "loss"]
        for k in "12"
    )
    assert one == pytest.approx(two, rel=1e-4)


def test_a_killed_run_ends_as_one_that_was_never_stopped(tmp_path):
    undisturbed, resumed = Toy(), Toy()
    train(tmp_path / "1", network=undisturbed)
    command = [sys.executable, "-m", "tests.models.training.toys", tmp_path / "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        told = [run.stdout.readline().strip() for _ in range(8)]
        run.send_signal(signal.SIGKILL)
    assert told == [str(step) for step in range(1, 9)]
    assert run.returncode == -signal.SIGKILL
    # Step 5 was the last to be kept; the table has rows of later ones.
    assert [path.name for path in (tmp_path / "2/checkpoint").glob("step-*")] == [
        "step-00000005"
    ]
    assert max(step for step, _, _ in read_metrics(tmp_path / "2")) >= 8
    steps: list[int] = []
    result = train(
        tmp_path / "2", network=resumed, report=lambda p: steps.append(p.step)
    )
    assert steps == list(range(6, 13))
    assert_same_weights(undisturbed, resumed)
    assert (tmp_path / "1/metrics.csv").read_bytes() == (
        tmp_path / "2/metrics.csv"
    ).read_bytes()
    assert result.heard_hours == pytest.approx(sum(1 + k % 5 for k in range(12)) / 1800)
    losses = [
        value for _, name, value in read_metrics(tmp_path / "1") if name == "loss"
    ]
    assert len(losses) == 12
    assert len(set(losses)) == 12


def test_a_run_that_is_done_does_nothing_more(tmp_path):
    first, again = Toy(), Toy(seed=1)
    done = train(tmp_path, network=first)
    told: list[Progress] = []
    assert train(tmp_path, network=again, report=told.append) == done
    assert told == []
    assert_same_weights(first, again)


def test_other_settings_are_refused_by_name(tmp_path):
    train(tmp_path, settings={"data": ["a"]})
    with pytest.raises(ConfigError, match=r"learning_rate 0.05, now 0.1; data \['a'\]"):
        train(tmp_path, replace(CONFIG, learning_rate=0.1), settings={"data": ["b"]})
    # How often something is told does not matter.
    train(tmp_path, replace(CONFIG, report_every=7), settings={"data": ["a"]})


def test_only_heads_learn_while_the_encoder_is_frozen(tmp_path):
    before, network = Toy(), Toy()
    config = replace(CONFIG, frozen_steps=5, steps=5)
    train(tmp_path / "1", config, network=network)
    assert torch.equal(before.encoder.weight, network.encoder.weight)
    assert not torch.equal(before.head.weight, network.head.weight)
    train(tmp_path / "2", replace(config, steps=6), network=network)
    assert not torch.equal(before.encoder.weight, network.encoder.weight)


def test_weights_that_need_no_gradient_stay_as_they_are(tmp_path):
    before, network = Toy(), Toy()
    network.encoder.bias.requires_grad_(False)
    train(tmp_path, replace(CONFIG, frozen_steps=2), network=network)
    assert torch.equal(before.encoder.bias, network.encoder.bias)
    assert not torch.equal(before.encoder.weight, network.encoder.weight)


def test_steps_that_are_no_numbers_change_nothing_and_are_named(tmp_path):
    network, without = Toy(dropout=0.0), Toy(dropout=0.0)
    config = replace(CONFIG, steps=4, checkpoint_every=1)
    batches = ToyBatches(bad=(1, 3))
    result = train(tmp_path / "1", config, network=network, batches=batches)
    assert result.skipped == 2

    class Sound(ToyBatches):
        def part(self, number):
            return super().part(2 * number)

    config = replace(config, steps=2, schedule=CONFIG.schedule)
    train(tmp_path / "2", config, network=without, batches=Sound())
    assert_same_weights(network, without)
    with (tmp_path / "1/skipped.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["why"]) for row in rows] == [
        ("2", "loss is no number"),
        ("4", "loss is no number"),
    ]
    assert rows[0]["clips"] == "clip1_0 clip1_1"
    assert not any(math.isnan(value) for _, _, value in read_metrics(tmp_path / "1"))


def test_a_gradient_that_is_no_number_skips_its_step(tmp_path):
    class Steep(ToyTask):
        def losses(self, network, batch):
            # The root has an infinite slope at 0: the loss is a number all the same.
            steep = (network.head.weight * 0).sum().abs().sqrt()
            losses = super().losses(network, batch)
            return replace(losses, total=losses.total + steep)

    network = Toy()
    result = train(tmp_path, replace(CONFIG, steps=3), network=network, task=Steep())
    assert result.skipped == 3
    assert torch.equal(network.encoder.weight, Toy().encoder.weight)
    assert "gradient is no number" in (tmp_path / "skipped.csv").read_text()


def test_too_many_skipped_steps_stop_the_run(tmp_path):
    batches = ToyBatches(bad=tuple(range(3, 20)))
    with pytest.raises(TrainingDiverged, match=r"at most 2 .* got 3 by step 6"):
        train(tmp_path, replace(CONFIG, max_skipped=2), batches=batches)


def test_clips_that_losses_leave_out_are_told_once(tmp_path):
    class Picky(ToyTask):
        def losses(self, network, batch):
            losses = super().losses(network, batch)
            return replace(losses, left_out={"b": "too short", batch.keys[0]: "odd"})

    told: list[Progress] = []
    result = train(tmp_path, replace(CONFIG, steps=3), task=Picky(), report=told.append)
    assert result.left_out == told[-1].left_out == 4
    assert (tmp_path / "left_out.csv").read_text().splitlines() == [
        "clip,why",
        "b,too short",
        "clip0_0,odd",
        "clip1_0,odd",
        "clip2_0,odd",
    ]


def test_what_a_run_told_that_was_killed_before_it_saved_goes(tmp_path):
    class Picky(ToyTask):
        def losses(self, network, batch):
            return replace(super().losses(network, batch), left_out={"b": "odd"})

    def die(progress):
        raise KeyboardInterrupt

    for report in (die, lambda progress: None):
        batches = ToyBatches(bad=(0,))
        job = {"task": Picky(), "batches": batches, "report": report}
        try:
            train(tmp_path, replace(CONFIG, steps=3), **job)
        except KeyboardInterrupt:
            assert not list((tmp_path / "checkpoint").glob("step-*"))
    assert (tmp_path / "left_out.csv").read_text() == "clip,why\nb,odd\n"
    assert len((tmp_path / "skipped.csv").read_text().splitlines()) == 2


def test_nothing_to_learn_is_a_step_that_is_skipped(tmp_path):
    class Nothing(ToyTask):
        def losses(self, network, batch):
            return Losses(torch.zeros(()), 0)

    assert train(tmp_path, replace(CONFIG, steps=2), task=Nothing()).skipped == 2


def test_half_precision_learns_with_losses_in_full(tmp_path):
    kinds: set[torch.dtype] = set()

    class Watched(ToyTask):
        def losses(self, network, batch):
            kinds.add(network.head(network.encoder(batch.x)).dtype)
            return super().losses(network, batch)

    config = replace(CONFIG, precision="bf16", steps=40, accumulate=4)
    told: list[Progress] = []
    network = Toy(dropout=0.0)
    train(tmp_path, config, network=network, task=Watched(), report=told.append)
    assert kinds == {torch.bfloat16}
    assert network.head.weight.dtype == torch.float32
    assert told[-1].loss < 0.5 * told[0].loss


def test_a_loss_in_half_precision_is_a_mistake_of_the_task(tmp_path):
    class Careless(ToyTask):
        def losses(self, network, batch):
            losses = super().losses(network, batch)
            return replace(losses, total=losses.total.bfloat16())

    with pytest.raises(TypeError, match="bfloat16"):
        train(tmp_path, task=Careless())


def test_the_best_weights_are_kept_with_their_measure(tmp_path):
    class Later(ToyTask):
        def __init__(self):
            self.seen = []

        def validate(self, network):
            self.seen.append(network.head.weight.detach().clone())
            return {"wrong": [0.5, 0.25, 0.75][len(self.seen) - 1]}

    task, told = Later(), []
    result = train(tmp_path, task=task, report=told.append)
    assert result.best_measure == 0.25
    network = Toy()
    load_weights(network, result.best)
    assert torch.equal(network.head.weight, task.seen[1])
    with safe_open(result.best, framework="pt") as file:
        assert file.metadata() == {"step": "8", "wrong": "0.25"}
    assert [p.measures.get("wrong") for p in told if p.measures] == [0.5, 0.25, 0.75]


def test_an_unknown_measure_is_named(tmp_path):
    with pytest.raises(
        ConfigError, match="expected one of wrong, wrong/toy, got 'cer'"
    ):
        train(tmp_path, replace(CONFIG, best_by="cer"))


def test_what_changes_on_the_way_is_told_before_each_step(tmp_path):
    steps: list[int] = []
    train(tmp_path, before_step=steps.append)
    assert steps == list(range(12))
    train(tmp_path, before_step=steps.append)
    assert len(steps) == 12


def test_tensorboard_gets_the_numbers(tmp_path):
    train(tmp_path, replace(CONFIG, tensorboard=True))
    assert [path.name[:6] for path in (tmp_path / "tensorboard").iterdir()] == [
        "events"
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"accumulate": 0},
        {"learning_rate": 0.0},
        {"precision": "fp16"},
        {"max_skipped": -1},
        {"clip_norm": float("nan")},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"training: {next(iter(wrong))}: expected"):
        replace(CONFIG, **wrong)


def test_a_line_of_the_log():
    progress = Progress(
        step=50,
        steps=200,
        loss=1.25,
        parts={"lid": 0.5},
        measures={"cer": 0.125, "cer/swh": 0.1},
        heard_hours=1.5,
        left_sec=5400.0,
        skipped=2,
    )
    assert progress_line(progress) == (
        "50/200 (25%)  loss 1.250  lid 0.500  heard 1.50 h  1 h 30 min left  cer 0.125"
        "  2 steps skipped"
    )
