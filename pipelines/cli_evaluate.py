"""``pericope evaluate``."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from models.decoding.error_rates import ErrorRates
    from pipelines.evaluate import Evaluation


def evaluate(
    model: Annotated[
        str, typer.Argument(help="bundled, bundled:FILE, mms-fa or hf:FOLDER.")
    ],
    corpus: Annotated[Path, typer.Argument(help="Output folder of `pericope run`.")],
    split: Annotated[str, typer.Option(help="Whose clips are told.")] = "test",
    language: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may come again.", show_default=False),
    ] = None,
    selection: Annotated[
        str, typer.Option(help="Which clips to use; all if empty.")
    ] = "default",
    lm: Annotated[
        Path | None, typer.Option(help="Search with this language model (ARPA).")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Weight of the language model.")] = 0.5,
    beta: Annotated[
        float, typer.Option(help="For each letter, or word with one of words.")
    ] = 0.0,
    beam: Annotated[int, typer.Option(min=1, help="Texts kept at every frame.")] = 50,
    tune: Annotated[
        str | None,
        typer.Option(help="Choose alpha and beta on this split.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the counts as JSON.")
    ] = False,
) -> None:
    """Hold what a model hears against the text of clips.

    pericope evaluate hf:build/asr build/demo --language swh

    pericope evaluate bundled build/demo --lm swh.arpa --tune dev

    Letters and words are counted over all clips of a language and divided once; spaces
    are no letters. Decoding is greedy unless there is a language model, such as
    `pericope train lm` makes (docs/training.md).
    """
    from models.catalog import load_acoustic_model
    from pipelines.evaluate import EvaluateConfig
    from pipelines.evaluate import evaluate as evaluated

    config = EvaluateConfig(
        split=split,
        selection=selection or None,
        languages=tuple(language or ()),
        lm=lm,
        alpha=alpha,
        beta=beta,
        beam=beam,
        tune_split=tune,
    )
    found = evaluated(load_acoustic_model(model, device), corpus, config, _log)
    if as_json:
        print(json.dumps(_document(found)))
        return
    Console().print(_table(found))
    print(f"decoder: {found.decoder}")


def _table(found: "Evaluation") -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("clips", "hours", "CER", "letters", "WER", "words", "left out"):
        table.add_column(title, justify="right", no_wrap=True)
    rows = [*found.rates.items()]
    if len(rows) > 1:
        rows.append(("all", found.pooled))
    for name, rates in rows:
        left_out = found.left_out.get(name, 0)
        table.add_row(
            name,
            f"{rates.clips:,}",
            f"{rates.duration_sec / 3600:.2f}",
            _percent(rates.cer),
            f"{rates.letters.length:,}",
            _percent(rates.wer),
            f"{rates.words.length:,}" if rates.words.length else "",
            str(sum(found.left_out.values()) if name == "all" else left_out),
        )
    return table


def _percent(rate: float) -> str:
    return "" if math.isnan(rate) else f"{rate:.2%}"


def _document(found: "Evaluation") -> dict[str, Any]:
    return {
        "languages": {code: _counts(rates) for code, rates in found.rates.items()},
        "pooled": _counts(found.pooled),
        "left_out": found.left_out,
        "decoder": found.decoder,
        "tuned": None if found.tuned is None else asdict(found.tuned),
    }


def _counts(rates: "ErrorRates") -> dict[str, Any]:
    from pipelines.plain_json import without_nan

    return without_nan({**asdict(rates), "cer": rates.cer, "wer": rates.wer})


def _log(line: str) -> None:
    typer.echo(line, err=True)
