"""What audio without text is worth: students of the recipes against speech with text.

A language that the bundled model has never heard; corpora of ``recipe_corpora``. The
bundled model is the multilingual network. Every student is held against a network that
goes on from the bundled model, too, for as many updates as the recipe has in all, but
on speech with text alone; the one from scratch against another from scratch. Of each
the weights are taken that were best on dev.

``python -m benchmarks.recipes 2`` does one seed; what is done is not done again.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.recipe_corpora import Minutes, recipe_corpus
from models.training.slim_ipl import SlimIplConfig
from pipelines.config import CorpusConfig
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.plan import Result, Step, carry_out, plan_lines
from pipelines.recipes.recipes import (
    BASELINE,
    SCRATCH_BASELINE,
    pl_mono,
    slimipl,
)

_LANGUAGE = "cat"
_SEEDS = (991_011, 991_012, 991_013)
_FIRST = "multilingual"
_BASELINES = (BASELINE, SCRATCH_BASELINE)
_NOTE = (
    "Letters wrong, greedy, in other chapters by the readers of speech without text. "
    "Mean and spread (standard deviation) are over seeds of speech and training. "
    "A baseline has as many updates as the recipe."
)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is spoken and learned."""

    minutes: Minutes
    steps: int
    student_steps: int
    slim_steps: int
    fresh_steps: int
    final_steps: int
    cache: int


_FULL = Sizes(
    minutes=Minutes(with_text=3.0, without_text=60.0, dev=4.0, test=8.0),
    steps=300,
    student_steps=1000,
    slim_steps=2000,
    fresh_steps=1500,
    final_steps=100,
    cache=20,
)
_QUICK = Sizes(
    minutes=Minutes(with_text=1.0, without_text=4.0, dev=0.5, test=0.5),
    steps=16,
    student_steps=16,
    slim_steps=16,
    fresh_steps=16,
    final_steps=8,
    cache=4,
)


def measure(*, quick: bool) -> list[Figure]:
    """Train on every seed."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    return figures_of({seed: measure_seed(seed, quick=quick) for seed in seeds})


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, f"Recipes, {_LANGUAGE}", figures, _NOTE)


def measure_seed(seed: int, *, quick: bool) -> dict[str, float]:
    """Return the letter error rate on test of each network."""
    sizes = _QUICK if quick else _FULL
    corpus = recipe_corpus(_LANGUAGE, seed, sizes.minutes)
    root = Path(corpus.corpus.output)
    rates: dict[str, float] = {}
    for name, step in recipes(root, corpus, sizes, seed % 1000).items():
        folder = root / "recipes" / _LANGUAGE
        print(f"seed {seed}, {name}")
        print("\n".join(plan_lines([step], folder)))
        (result,) = carry_out([step], folder, print)
        rates |= _named(name, result)
    return rates


def recipes(
    root: Path, corpus: CorpusConfig, sizes: Sizes, seed: int
) -> dict[str, Step]:
    """Return the last step of every recipe by its name in the table."""
    config = RecipeConfig(
        corpus=root,
        language=_LANGUAGE,
        steps=sizes.steps,
        student_steps=sizes.student_steps,
        final_steps=sizes.final_steps,
        batch_sec=20.0,
        learning_rate=5e-4,
        fresh_learning_rate=2e-3,
        fresh="new:bundled:small",
        baseline=True,
        seed=seed,
        device="cpu",
        checkpoint_every=100,
    )
    fresh = replace(config, student_steps=sizes.fresh_steps)
    slower = replace(config, student_steps=sizes.slim_steps)
    slim = SlimIplConfig(
        cache=sizes.cache, replacement=0.1, supervised=1, unsupervised=3
    )
    return {
        "pl-mono A": pl_mono(config, corpus, "A"),
        "slimipl": slimipl(slower, slim, first_dropout=0.3),
        "pl-mono B": pl_mono(fresh, corpus, "B"),
    }


def _named(recipe: str, result: Result) -> dict[str, float]:
    """Return the rates on test under the names of the table."""
    rates = {name: row["test"]["cer"] for name, row in result.items()}
    student = [name for name in rates if name.startswith("student")]
    assert len(student) == 1, student
    named = {f"{recipe}: student": rates.pop(student[0])}
    multilingual = {_FIRST: rates.pop(_FIRST)}
    return multilingual | {f"{recipe}: {k}": v for k, v in rates.items()} | named


def figures_of(rates_of: dict[int, dict[str, float]]) -> list[Figure]:
    """Return a row for each network: seeds, mean, spread; students have an aim."""
    figures = []
    names = list(next(iter(rates_of.values())))
    for name in names:
        recipe, _, what = name.partition(": ")
        values = [rates[name] for rates in rates_of.values()]
        cases = {f"seed {seed}": rates[name] for seed, rates in rates_of.items()}
        cases["mean"] = float(np.mean(values))
        if len(values) > 1:
            cases["spread"] = float(np.std(values, ddof=1))
        for case, value in cases.items():
            aim = None
            if what == "student" and case == "mean":
                (baseline,) = {f"{recipe}: {of}" for of in _BASELINES} & set(names)
                aim = float(np.mean([rates[baseline] for rates in rates_of.values()]))
            figures.append(
                Figure(name=name, case=case, value=value, unit=Unit.SHARE, at_most=aim)
            )
    return figures


def main() -> None:
    """Measure single seeds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes", description=__doc__
    )
    parser.add_argument("seed", nargs="+", type=int, help=f"1 to {len(_SEEDS)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    chosen = parser.parse_args()
    if not set(chosen.seed) <= set(range(1, len(_SEEDS) + 1)):
        parser.error(f"expected seeds of 1 to {len(_SEEDS)}, got {chosen.seed}")
    seeds = [_SEEDS[number - 1] for number in chosen.seed]
    rates_of = {seed: measure_seed(seed, quick=chosen.quick) for seed in seeds}
    show(figures_of(rates_of), Console(highlight=False, width=110))


if __name__ == "__main__":
    main()
