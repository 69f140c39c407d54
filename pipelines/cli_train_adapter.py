"""``pericope train adapter``."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer


def adapter(
    corpus: Annotated[Path, typer.Argument(help="Output folder of `pericope run`.")],
    folder: Annotated[
        Path,
        typer.Argument(help="The network's own folder, or a new one for a copy of it."),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="The network of many languages: hf:<folder or hub name>, such as "
            "hf:facebook/mms-1b-all."
        ),
    ],
    language: Annotated[str, typer.Option(help="The one to learn.")],
    kind: Annotated[
        Literal["lsah", "residual"],
        typer.Option(
            help="lsah: MMS's layers, which transformers loads (wav2vec 2.0 only). "
            "residual: USM's, two beside each block (Conformers, too)."
        ),
    ] = "lsah",
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
    letters: Annotated[
        Literal["romanised", "own"],
        typer.Option(help="romanised: a-z and '. own: those of the language."),
    ] = "own",
    steps: Annotated[int, typer.Option(help="Changes of the weights.")] = 2000,
    learning_rate: Annotated[float, typer.Option(help="The highest.")] = 1e-3,
    batch_sec: Annotated[
        float, typer.Option(help="Audio of a batch, padding included.")
    ] = 60.0,
    accumulate: Annotated[
        int, typer.Option(help="Batches of each process that make one step.")
    ] = 1,
    max_clip_sec: Annotated[
        float, typer.Option(help="Longer clips are left out.")
    ] = 30.0,
    precision: Annotated[
        Literal["fp32", "bf16"],
        typer.Option(help="Of the network; losses are in fp32."),
    ] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    validate_every: Annotated[int, typer.Option(help="Steps.")] = 200,
    workers: Annotated[int, typer.Option(help="Processes that read ahead.")] = 1,
    seed: Annotated[int, typer.Option(help="Of new weights and order.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: one a core.")] = 0,
) -> None:
    """Teach a network of many languages one more, without changing what it knows.

    pericope train adapter corpus mms-swh --model hf:facebook/mms-1b-all --language swh

    Only small layers and an output layer for the language's letters are trained. They
    are written beside the network: hf:FOLDER#LANGUAGE is the model for this language,
    and transformers takes FOLDER's adapter.LANGUAGE.safetensors by load_adapter. With
    --model hf:FOLDER the next language comes into the same folder. Stop it at any time:
    the same command goes on.
    """
    import torch

    from models.data import BatchPlan, SpeechShards
    from models.training.config import LoopConfig
    from models.training.progress import progress_lines
    from pipelines.train_adapter import AdapterConfig, train_adapter
    from pipelines.train_asr import AsrConfig

    if "LOCAL_RANK" not in os.environ:
        torch.set_num_threads(threads or os.cpu_count() or 1)
    plan = BatchPlan(
        batch_sec=batch_sec, max_clip_sec=min(max_clip_sec, batch_sec), seed=seed
    )
    loop = LoopConfig(
        steps=steps,
        learning_rate=learning_rate,
        accumulate=accumulate,
        precision=precision,
        validate_every=validate_every,
        checkpoint_every=validate_every,
        seed=seed,
        device=device,
    )
    training = AsrConfig(
        model=model,
        letters=letters,
        new_letters=True,
        plan=plan,
        workers=workers,
        loop=loop,
    )
    with_text = SpeechShards(
        corpus=corpus, selection=selection or None, language=language
    )
    sources = [with_text]
    if labels is not None:
        pseudo = replace(with_text, lane="unlabeled", labels=labels)
        sources.append(replace(pseudo, selection=label_selection or None))
    result = train_adapter(
        sources,
        [replace(with_text, split="dev")],
        folder,
        AdapterConfig(kind=kind, language=language, training=training),
        progress_lines(_log),
        _log,
    )
    if result.is_first:
        told = "  ".join(f"{name} {v:.3f}" for name, v in result.measures.items())
        print(f"hf:{folder}#{language}: {told}")


def _log(line: str) -> None:
    typer.echo(line, err=True)
