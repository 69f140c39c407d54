"""The last step of a recipe: its networks side by side on held-out speech."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from rich.table import Table

from models.devices import choose_device
from models.networks.load import load_network
from models.training.validation import measured
from pipelines.recipes.batches import held_out, make_batch, require_clips
from pipelines.recipes.clips import clips_digest, model_digest
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.lesson import network_of
from pipelines.recipes.plan import Result, Step, Workplace

SPLITS = ("dev", "test")

Networks = Mapping[str, str | Step]
"""What the table calls a network, and its name or the lesson that has trained it."""


def evaluation_step(config: RecipeConfig, networks: Networks) -> Step:
    """Return the step that transcribes dev and test greedily with every network.

    Its result has a row for each network: ``{"student": {"dev": {"cer": 0.1}}}``.

    Raises:
      ConfigError: dev or test has no clips with text that the selection keeps.
    """
    for split in SPLITS:  # nobody is to learn after days of training that one lacks
        require_clips(config, split)
    starts = {k: v for k, v in networks.items() if isinstance(v, str)}
    return Step(
        "evaluation",
        f"greedy transcripts of {' and '.join(SPLITS)} by {', '.join(networks)}",
        {
            "clips": clips_digest(config),
            "selection": config.selection,
            "batch_sec": config.batch_sec,
            "networks": list(networks),
            "starts": {name: model_digest(start) for name, start in starts.items()},
        },
        partial(_evaluate, config, networks),
        tuple(step for step in networks.values() if isinstance(step, Step)),
    )


def _evaluate(config: RecipeConfig, networks: Networks, place: Workplace) -> Result:
    device = choose_device(config.device)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for name, one in networks.items():
        reference = network_of(place, one) if isinstance(one, Step) else one
        network: Any = load_network(reference).to(device).eval()
        make = make_batch(config, network)
        rows[name] = {}
        for split in SPLITS:
            batches = held_out(config, make, split)
            with torch.inference_mode():
                measures = measured(network, batches)
            # Those of single languages: there is but one.
            rows[name][split] = {k: v for k, v in measures.items() if "/" not in k}
        place.tell(f"{name}: " + ", ".join(_told(rows[name], s) for s in SPLITS))
    return rows


def _told(row: Mapping[str, Mapping[str, float]], split: str) -> str:
    return f"{split} {_share(row[split].get('cer'))} of letters wrong"


def evaluation_table(result: Result) -> Table:
    """Return the rows as people read them."""
    table = Table("", box=None, header_style="bold")
    names = [("cer", "letters"), ("wer", "words")]
    shown = [
        (split, measure, title)
        for split in SPLITS
        for measure, title in names
        if any(measure in row[split] for row in result.values())
    ]
    for split, _, title in shown:
        table.add_column(f"{split}, {title} wrong", justify="right", no_wrap=True)
    for name, row in result.items():
        table.add_row(name, *(_share(row[split].get(m)) for split, m, _ in shown))
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
