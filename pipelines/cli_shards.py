"""``pericope shards``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def shards(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    name: Annotated[str, typer.Argument(help="The selection's name.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was done as JSON.")
    ] = False,
) -> None:
    """Copy what a selection keeps into shards of its own.

    They lie in selected/NAME of the output, in the layout of the corpus's own shards.
    Stop it at any time and start it again; what is there already is not written again.
    """
    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.digests import listed_anew
    from pipelines.materialise import materialise
    from pipelines.store import Store

    config = load_config(corpus)
    root = Store(config.corpus.output).root
    with alone_in(root), listed_anew(root, "selected"):
        made = materialise(root, name, config.shards.samples_per_shard)
    if as_json:
        print(json.dumps(asdict(made)))
        return
    print(
        f"{name}: {made.samples:,} samples in {made.shards:,} shards, "
        f"{made.written:,} of them written now; {made.removed_files:,} files of "
        f"earlier versions removed\n{made.folder}"
    )
