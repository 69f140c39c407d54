"""``pericope mine``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.mining import Example, Finding


def mine(
    corpus: Annotated[
        str, typer.Argument(help="corpus.toml, or the output folder of `pericope run`.")
    ],
    language: Annotated[str, typer.Option(help="Only this language.")] = "",
    rate: Annotated[
        float, typer.Option(help="Share of what is listed that may be chance.")
    ] = 0.01,
    effect: Annotated[
        float,
        typer.Option(
            help="Least probability of a word with the pattern to be less "
            "sure than one without; 0.5 is chance."
        ),
    ] = 0.75,
    count: Annotated[int, typer.Option(help="Words that must have the pattern.")] = 20,
    examples: Annotated[int, typer.Option(help="Words to show of each.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the list as JSON.")
    ] = False,
) -> None:
    """List letters and words that are aligned badly wherever they are written.

    Such a pattern is a fault of the spelling, of its romanisation or of the rules of
    the language, not of a reader. Nothing is changed; only the tables are read.
    """
    from aligner.mismatches import MiningConfig
    from pipelines.config import load_config
    from pipelines.mining import mine_corpus

    config = MiningConfig(false_discovery_rate=rate, min_effect=effect, min_count=count)
    root = (
        load_config(Path(corpus)).corpus.output if corpus.endswith(".toml") else corpus
    )
    findings = list(mine_corpus(root, config, language, examples))
    if as_json:
        rows = [asdict(finding) for finding in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    console = Console(markup=False, highlight=False, emoji=False)
    if not findings:
        console.print("no pattern is aligned worse than the others")
        return
    console.print(_table(findings))
    for finding in findings:
        console.print(f"\n{finding.language} {_name(finding)}: {finding.advice}")
        console.print(_examples_table(finding.examples))


def _name(finding: "Finding") -> str:
    return f"word {finding.pattern}" if finding.is_word else finding.pattern


def _table(findings: "list[Finding]") -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("pattern", "romanised"):
        table.add_column(title, no_wrap=True)
    for title in ("words", "spellings", "low in", "readers", "sure", "else", "effect",
                  "p"):  # fmt: skip
        table.add_column(title, justify="right", no_wrap=True)
    for row in findings:
        table.add_row(
            row.language,
            _name(row),
            row.romanised or "(nothing)",
            str(row.count),
            str(row.spellings),
            f"{row.low_recordings}/{row.recordings}",
            str(row.readers or "?"),
            f"{row.confidence:.2f}",
            f"{row.confidence_without:.2f}",
            f"{row.effect:.2f}",
            f"{row.p_value:.0e}",
        )
    return table


def _examples_table(examples: "tuple[Example, ...]") -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for _ in range(5):
        table.add_column(no_wrap=True)
    for row in examples:
        table.add_row(
            row.word,
            row.romanised,
            f"{row.confidence:.2f}",
            f"{row.recording_id} {row.verse}",
            f"{row.start_sec:.2f} s",
        )
    return table
