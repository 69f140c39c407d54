"""``pericope train asr``."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

# Fresh weights bear more than trained ones, and those of 300 million the least.
_RATES = {"bundled": 5e-4, "hf": 5e-5, "new": 1e-3}


def asr(
    corpus_and_folder: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORPUS... FOLDER",
            help="Output folders of `pericope run`, and where the training goes.",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="Where the weights begin: bundled, bundled:<file>, hf:<folder or hub "
            "name> (MMS, XLS-R, any Wav2Vec2), conformer[:<size>] for a fresh one."
        ),
    ] = "bundled",
    selection: Annotated[
        str, typer.Option(help="Which clips with text; all if empty.")
    ] = "default",
    labels: Annotated[
        str | None,
        typer.Option(help="Learn from these pseudo-labels, too (`pericope label`)."),
    ] = None,
    label_selection: Annotated[
        str, typer.Option(help="Which of the pseudo-labels; all if empty.")
    ] = "",
    labeled: Annotated[bool, typer.Option(help="Learn from clips with text.")] = True,
    language: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may come again.", show_default=False),
    ] = None,
    letters: Annotated[
        Literal["romanised", "own"],
        typer.Option(help="romanised: a-z and '. own: those of each language."),
    ] = "romanised",
    new_letters: Annotated[
        bool | None,
        typer.Option(
            "--new-letters/--keep-letters",
            help="Give the model the letters of all texts together, or keep its own. "
            "Without either: new ones for a fresh model only.",
            show_default=False,
        ),
    ] = None,
    skip_unknown: Annotated[
        bool,
        typer.Option(
            "--skip-unknown",
            help="Leave clips out that have letters which the model lacks, and name "
            "them; else they are an error.",
        ),
    ] = False,
    tell_languages: Annotated[
        bool,
        typer.Option(
            "--tell-languages", help="Teach it to tell the clips' languages as well."
        ),
    ] = False,
    lid_weight: Annotated[
        float, typer.Option(help="Weight of the language's loss beside the letters'.")
    ] = 1.0,
    steps: Annotated[int, typer.Option(help="Changes of the weights.")] = 5000,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="The highest. Default: 5e-4 bundled, 5e-5 hf, 1e-3 fresh.",
            show_default=False,
        ),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option(help="tri-stage (rise 10 %, hold 40 %, fall), cosine, constant."),
    ] = "tri-stage",
    frozen_steps: Annotated[
        int, typer.Option(help="First so many in which only the heads learn.")
    ] = 0,
    short_context_steps: Annotated[
        int,
        typer.Option(
            help="First so many in which attention reaches over a part of the clip "
            "only, a quarter at first."
        ),
    ] = 0,
    batch_sec: Annotated[
        float, typer.Option(help="Audio of a batch, padding included.")
    ] = 60.0,
    accumulate: Annotated[
        int, typer.Option(help="Batches of each process that make one step.")
    ] = 1,
    max_clip_sec: Annotated[
        float, typer.Option(help="Longer clips are left out.")
    ] = 30.0,
    beta_language: Annotated[
        float,
        typer.Option(
            help="Languages are drawn by their hours to this power: 1 as they are, "
            "0 all alike."
        ),
    ] = 0.5,
    masks: Annotated[
        bool | None,
        typer.Option(
            "--masks/--no-masks",
            help="Hide parts of the inputs (SpecAugment). Without either: yes, unless "
            "the model's own configuration does, as that of Wav2Vec2 mostly.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        Literal["fp32", "bf16"],
        typer.Option(help="Of the network; losses are in fp32."),
    ] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    validate_every: Annotated[int, typer.Option(help="Steps.")] = 500,
    checkpoint_every: Annotated[int, typer.Option(help="Steps.")] = 500,
    workers: Annotated[int, typer.Option(help="Processes that read ahead.")] = 1,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write its files, too.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of new weights, order and masks.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: one a core.")] = 0,
) -> None:
    """Train a model that spells what is said, on the clips that a selection keeps.

    pericope train asr corpus asr --model hf:facebook/mms-300m --new-letters

    Stop it at any time: the same command goes on from the last checkpoint, with the
    losses that it would have had. FOLDER/model is the result, an ordinary checkpoint:
    give it to `model.name` of a corpus, to `pericope evaluate`, or to transformers.
    FOLDER/metrics.csv has all numbers, FOLDER/unusable.csv the clips that cannot be
    learned (numbers whose reading nobody knows, no letters) and why.

    On 4 GPUs: torchrun --nproc_per_node 4 -m pipelines train asr ...
    """
    import torch

    from models.data import BatchPlan, SpeechShards
    from models.training.config import LoopConfig
    from models.training.progress import progress_lines
    from models.training.schedule import schedule_named
    from pipelines.train_asr import AsrConfig, train_asr

    *corpora, folder = corpus_and_folder
    if not corpora:
        raise typer.BadParameter("expected CORPUS... FOLDER, got one path only")
    name = f"new:{model}" if model.partition(":")[0] == "conformer" else model
    family = name.partition(":")[0]
    if "LOCAL_RANK" not in os.environ:
        torch.set_num_threads(threads or os.cpu_count() or 1)
    config = AsrConfig(
        model=name,
        letters=letters,
        new_letters=family == "new" if new_letters is None else new_letters,
        skip_unknown=skip_unknown,
        tells_languages=tell_languages,
        gamma=lid_weight,
        short_context_steps=short_context_steps,
        masks=masks,
        plan=BatchPlan(
            batch_sec=batch_sec,
            max_clip_sec=min(max_clip_sec, batch_sec),
            beta_language=beta_language,
            seed=seed,
        ),
        workers=workers,
        loop=LoopConfig(
            steps=steps,
            learning_rate=_rate(learning_rate, family),
            schedule=schedule_named(schedule),
            frozen_steps=frozen_steps,
            accumulate=accumulate,
            precision=precision,
            validate_every=validate_every,
            checkpoint_every=checkpoint_every,
            seed=seed,
            device=device,
            tensorboard=tensorboard,
        ),
    )
    languages = tuple(language or ()) or "*"
    base = SpeechShards(corpus=folder, selection=selection or None, language=languages)
    with_text = [replace(base, corpus=corpus) for corpus in corpora]
    sources = with_text if labeled else []
    if labels is not None:
        chosen = label_selection or None
        pseudo = replace(base, lane="unlabeled", labels=labels, selection=chosen)
        sources = [*sources, *(replace(pseudo, corpus=corpus) for corpus in corpora)]
    held_out = [replace(source, split="dev") for source in with_text]
    report = progress_lines(_log)
    result = train_asr(sources, held_out, folder, config, report, _log)
    if result.is_first:
        told = "  ".join(f"{name} {v:.3f}" for name, v in result.measures.items())
        print(f"{folder / 'model'}: {told}")


def _rate(asked: float | None, family: str) -> float:
    return _RATES.get(family, 5e-4) if asked is None else asked


def _log(line: str) -> None:
    typer.echo(line, err=True)
