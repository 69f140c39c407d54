"""``pericope recipe``."""

import json
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pipelines.config import CorpusConfig
    from pipelines.recipes.config import RecipeConfig
    from pipelines.recipes.plan import Step

recipe = typer.Typer(
    help="Train students on audio without text, by a recipe.", no_args_is_help=True
)

_Corpus = Annotated[
    Path, typer.Argument(help="corpus.toml of a finished run, or its output folder.")
]
_Language = Annotated[str, typer.Option(help="Of the student (ISO 639-3).")]
_Model = Annotated[
    str, typer.Option(help="The multilingual network: bundled, hf:<folder or name>.")
]
_Scale = Annotated[
    float, typer.Option(help="Share of all updates: 0.05 for a CPU.", min=0.0)
]
_Steps = Annotated[int, typer.Option(help="Updates of fine-tuning, before --scale.")]
_StudentSteps = Annotated[
    int, typer.Option(help="Updates with labels, before --scale.")
]
_BatchSec = Annotated[float, typer.Option(help="Audio of an update, in seconds.")]
_Rate = Annotated[float, typer.Option(help="The highest learning rate.")]
_Dropout = Annotated[float, typer.Option(help="Of the networks in training.")]
_Noise = Annotated[
    bool, typer.Option(help="Learn labels as if said in other rooms, on other lines.")
]
_CropSteps = Annotated[
    int, typer.Option(help="Updates on crops of 10 s to begin with, before --scale.")
]
_ShortContext = Annotated[
    int,
    typer.Option(
        help="First updates with attention over a part of the clip, before --scale."
    ),
]
_Selection = Annotated[str, typer.Option(help="Of clips with text; all if empty.")]
_Baseline = Annotated[
    bool,
    typer.Option(help="Also train as long on speech with text alone, to compare."),
]
_Seed = Annotated[int, typer.Option(help="Seed of order, noise and new weights.")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda.")]
_Workers = Annotated[int, typer.Option(help="Processes that read clips.")]
_Threads = Annotated[int, typer.Option(help="CPU threads; 0: one a core.")]
_PlanOnly = Annotated[bool, typer.Option("--plan", help="Show the steps and stop.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Cache = Annotated[int, typer.Option(help="Batches that wait with their labels.")]
_Replacement = Annotated[
    float, typer.Option(help="Probability that a batch makes way for a fresh one.")
]
_Ratio = Annotated[str, typer.Option(help="Updates with text : updates without.")]


@recipe.callback()
def _recipe() -> None:
    """Train students on audio without text, by a recipe.

    Each prints its steps first. Stop it at any time: the same command goes on.
    """


@recipe.command("pl-mono")
def pl_mono(
    corpus: _Corpus,
    language: _Language,
    strategy: Annotated[
        str,
        typer.Option(
            help="A: the multilingual network goes on; B: from scratch, then on speech "
            "with text alone."
        ),
    ] = "A",
    model: _Model = "bundled",
    fresh: Annotated[
        str, typer.Option(help="What strategy B trains: new:<architecture>:<size>.")
    ] = "new:bundled:full",
    slim_teacher: Annotated[
        bool, typer.Option(help="Let slimIPL train the teacher.")
    ] = False,
    scale: _Scale = 1.0,
    steps: _Steps = 10_000,
    student_steps: _StudentSteps = 40_000,
    final_steps: Annotated[
        int, typer.Option(help="Updates that end strategy B, before --scale.")
    ] = 10_000,
    batch_sec: _BatchSec = 60.0,
    learning_rate: _Rate = 3e-4,
    fresh_learning_rate: Annotated[
        float, typer.Option(help="The highest one from scratch.")
    ] = 1.5e-3,
    dropout: _Dropout = 0.1,
    noise: _Noise = False,
    crop_steps: _CropSteps = 0,
    short_context_steps: _ShortContext = 0,
    selection: _Selection = "default",
    baseline: _Baseline = False,
    seed: _Seed = 1,
    device: _Device = "auto",
    workers: _Workers = 0,
    threads: _Threads = 0,
    plan: _PlanOnly = False,
    as_json: _Json = False,
) -> None:
    """Fine-tune on one language, label its audio without text, train on both.

    Source: Lugosch et al. 2021, "Pseudo-Labeling for Massively Multilingual Speech
    Recognition".
    """
    given = dict(locals())

    def last(config: "RecipeConfig", corpus: "CorpusConfig") -> "Step":
        from models.training.slim_ipl import SlimIplConfig
        from pipelines.recipes.recipes import pl_mono
        from schemas.errors import ConfigError

        if strategy not in ("A", "B"):
            raise ConfigError(f"--strategy: expected A or B, got {strategy!r}")
        chosen: Literal["A", "B"] = "A" if strategy == "A" else "B"
        slim = SlimIplConfig() if slim_teacher else None
        return pl_mono(config, corpus, chosen, slim)

    _carry_out(given, last)


@recipe.command()
def slimipl(
    corpus: _Corpus,
    language: _Language,
    model: _Model = "bundled",
    scale: _Scale = 1.0,
    steps: _Steps = 20_000,
    student_steps: _StudentSteps = 80_000,
    cache: _Cache = 100,
    replacement: _Replacement = 0.1,
    ratio: _Ratio = "1:4",
    batch_sec: _BatchSec = 60.0,
    learning_rate: _Rate = 3e-4,
    first_dropout: Annotated[
        float, typer.Option(help="While learning from speech with text alone.")
    ] = 0.3,
    dropout: _Dropout = 0.1,
    noise: _Noise = False,
    crop_steps: _CropSteps = 0,
    short_context_steps: _ShortContext = 0,
    selection: _Selection = "default",
    baseline: _Baseline = False,
    seed: _Seed = 1,
    device: _Device = "auto",
    workers: _Workers = 0,
    threads: _Threads = 0,
    plan: _PlanOnly = False,
    as_json: _Json = False,
) -> None:
    """Let a network learn from labels that it gave itself some updates ago.

    Source: Likhomanenko et al. 2021, "slimIPL: Language-Model-Free Iterative
    Pseudo-Labeling".
    """
    given = dict(locals())

    def last(config: "RecipeConfig", _corpus: "CorpusConfig") -> "Step":
        from models.training.slim_ipl import SlimIplConfig
        from pipelines.recipes.recipes import slimipl

        supervised, unsupervised = _turns(ratio)
        slim = SlimIplConfig(
            cache=cache,
            replacement=replacement,
            supervised=supervised,
            unsupervised=unsupervised,
        )
        return slimipl(config, slim, first_dropout)

    _carry_out(given, last)


@recipe.command("noisy-student")
def noisy_student(
    corpus: _Corpus,
    language: _Language,
    generations: Annotated[
        int, typer.Option(help="Students; each teaches the next.")
    ] = 1,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Rule that labels have to meet; may come again."),
    ] = None,
    model: _Model = "bundled",
    scale: _Scale = 1.0,
    steps: _Steps = 10_000,
    student_steps: _StudentSteps = 40_000,
    batch_sec: _BatchSec = 60.0,
    learning_rate: _Rate = 3e-4,
    dropout: _Dropout = 0.1,
    crop_steps: _CropSteps = 0,
    short_context_steps: _ShortContext = 0,
    selection: _Selection = "default",
    baseline: _Baseline = False,
    seed: _Seed = 1,
    device: _Device = "auto",
    workers: _Workers = 0,
    threads: _Threads = 0,
    plan: _PlanOnly = False,
    as_json: _Json = False,
) -> None:
    """Label, keep what passes rules, train with noise on it and on speech with text.

    Source: Zhang et al. 2023, "Google USM", section on noisy student training.
    """
    given = dict(locals())

    def last(config: "RecipeConfig", corpus: "CorpusConfig") -> "Step":
        from pipelines.recipes.recipes import NOISY_RULES, noisy_student

        rules = tuple(where or NOISY_RULES)
        return noisy_student(config, corpus, generations, rules)

    _carry_out(given, last)


def _config(given: dict[str, Any], root: str) -> "RecipeConfig":
    """Return the settings that the command line says; all updates are scaled."""
    from pipelines.recipes.config import RecipeConfig, scaled

    known = {field.name for field in fields(RecipeConfig)}
    own: dict[str, Any] = {
        name: scaled(value, given["scale"]) if name.endswith("steps") else value
        for name, value in given.items()
        if name in known
    }
    own |= {"corpus": Path(root), "selection": given["selection"] or None}
    return RecipeConfig(**own)


def _carry_out(
    given: dict[str, Any], last: Callable[["RecipeConfig", "CorpusConfig"], "Step"]
) -> None:
    """Show the plan, do what is left of it, show the table."""
    import torch

    from models.training.ranks import ranks_of
    from pipelines.recipes.corpus import corpus_of
    from pipelines.recipes.evaluation import evaluation_table
    from pipelines.recipes.plan import carry_out, plan_lines
    from pipelines.start_weights import local_root

    if "LOCAL_RANK" not in os.environ:
        torch.set_num_threads(given["threads"] or os.cpu_count() or 1)
    corpus = corpus_of(given["corpus"])
    root = local_root(corpus.corpus.output)
    step = last(_config(given, root), corpus)
    folder = Path(root) / "recipes" / given["language"]
    for line in plan_lines([step], folder):
        _tell(line)
    if given["plan"]:
        return
    ranks = ranks_of(given["device"])
    (result,) = carry_out([step], folder, _tell, ranks)
    if not ranks.is_first:
        return
    if given["as_json"]:
        print(json.dumps({"folder": str(folder), "networks": result}))
    else:
        Console().print(evaluation_table(result))
        print(f"networks: {folder}")


def _turns(ratio: str) -> tuple[int, int]:
    """Read a ratio such as 1:4.

    Raises:
      ConfigError: it is none.
    """
    from schemas.errors import ConfigError

    first, _, second = ratio.partition(":")
    if not (first.isdecimal() and second.isdecimal()):
        raise ConfigError(f"--ratio: expected two numbers such as 1:4, got {ratio!r}")
    return int(first), int(second)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
