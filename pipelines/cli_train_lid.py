"""``pericope train lid``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from models.confusion import Confusion

# Half as much as for `pericope train asr`: what is known of letters is to stay.
_RATES = {"bundled": 2e-4, "hf": 2e-5, "new": 1e-3}


def lid(
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
            help="Where the encoder begins: bundled, bundled:<file>, hf:<folder or hub "
            "name> (MMS, XLS-R, any Wav2Vec2), conformer[:<size>] for a fresh one."
        ),
    ] = "bundled",
    language: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may come again.", show_default=False),
    ] = None,
    selection: Annotated[
        str, typer.Option(help="Which clips with text; all if empty.")
    ] = "default",
    lane: Annotated[
        Literal["both", "labeled", "unlabeled"],
        typer.Option(help="Clips with text, without, or all that there are."),
    ] = "both",
    steps: Annotated[int, typer.Option(help="Changes of the weights.")] = 1000,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="The highest. Default: 2e-4 bundled, 2e-5 hf, 1e-3 fresh.",
            show_default=False,
        ),
    ] = None,
    frozen_steps: Annotated[
        int, typer.Option(help="First so many in which only the head learns.")
    ] = 0,
    batch_sec: Annotated[
        float, typer.Option(help="Audio of a batch before it is cut.")
    ] = 60.0,
    max_clip_sec: Annotated[
        float, typer.Option(help="Longer clips are left out.")
    ] = 30.0,
    crop_sec: Annotated[
        float, typer.Option(help="Longer clips are cut to so much, somewhere.")
    ] = 6.0,
    varied: Annotated[
        bool, typer.Option(help="Change voices, rooms and lines in training.")
    ] = True,
    beta_language: Annotated[
        float,
        typer.Option(
            help="Languages are drawn by their hours to this power: 1 as they are, "
            "0 all alike."
        ),
    ] = 0.5,
    precision: Annotated[
        Literal["fp32", "bf16"],
        typer.Option(help="Of the network; losses are in fp32."),
    ] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    validate_every: Annotated[int, typer.Option(help="Steps.")] = 250,
    checkpoint_every: Annotated[int, typer.Option(help="Steps.")] = 250,
    workers: Annotated[int, typer.Option(help="Processes that read ahead.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the head, order and variation.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: one a core.")] = 0,
) -> None:
    """Train a model that tells which language is spoken, with or without text.

    pericope train lid corpus lid --model hf:facebook/mms-300m

    Measured on the clips of the split dev: FOLDER/confusion.csv counts what those of
    each language were taken for. FOLDER/model is the result; a corpus asks it about
    audio without text if `unlabeled.identifier` names it. Stop it at any time: the
    same command goes on from the last checkpoint.
    """
    import torch

    from models.data import BatchPlan
    from models.data.shards import Lane
    from models.training.config import LoopConfig
    from models.training.progress import progress_lines
    from models.training.schedule import Cosine
    from pipelines.train_lid import LidConfig, sources_of, train_lid

    *corpora, folder = corpus_and_folder
    if not corpora:
        raise typer.BadParameter("expected CORPUS... FOLDER, got one path only")
    name = f"new:{model}" if model.partition(":")[0] == "conformer" else model
    if "LOCAL_RANK" not in os.environ:
        torch.set_num_threads(threads or os.cpu_count() or 1)
    config = LidConfig(
        model=name,
        crop_sec=crop_sec,
        varied=varied,
        plan=BatchPlan(
            batch_sec=batch_sec,
            max_clip_sec=min(max_clip_sec, batch_sec),
            beta_language=beta_language,
            seed=seed,
        ),
        workers=workers,
        loop=LoopConfig(
            steps=steps,
            learning_rate=(
                _RATES.get(name.partition(":")[0], 1e-3)
                if learning_rate is None
                else learning_rate
            ),
            schedule=Cosine(rise_steps=max(1, steps // 10)),
            frozen_steps=frozen_steps,
            precision=precision,
            validate_every=validate_every,
            checkpoint_every=checkpoint_every,
            best_by="wrong",
            seed=seed,
            device=device,
        ),
    )
    lanes: tuple[Lane, ...] = ("labeled", "unlabeled") if lane == "both" else (lane,)
    sources, held_out = (
        sources_of(corpora, lanes, split, selection or None, tuple(language or ()))
        for split in ("train", "dev")
    )
    result, confusion = train_lid(
        sources,
        held_out,
        folder,
        config,
        progress_lines(_log),
    )
    if result.is_first:
        print(f"{folder / 'model'}: {told(confusion)}")


def told(confusion: "Confusion") -> str:
    """Return accuracies and the pairs that are taken for each other, as lines."""
    accuracies = ", ".join(
        f"{code} {confusion.accuracy(code):.1%}" for code in confusion.languages
    )
    pairs = ", ".join(
        f"{true} for {heard} {share:.1%}"
        for true, heard, share in confusion.worst_pairs(5)
    )
    return (
        f"{confusion.accuracy():.1%} of {confusion.clips():,} clips told right\n"
        f"{accuracies}\ntaken: {pairs or 'none for another'}"
    )


def _log(line: str) -> None:
    typer.echo(line, err=True)
