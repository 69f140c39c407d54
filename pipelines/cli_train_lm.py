"""``pericope train lm``."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer


def lm(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORPUS...",
            help="Output folders of `pericope run`, or files with a sentence a line.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.arpa", help="Written here.")],
    language: Annotated[str, typer.Option(help="Whose texts; ISO 639-3.")],
    unit: Annotated[str, typer.Option(help="letters or words.")] = "letters",
    order: Annotated[
        int,
        typer.Option(
            min=0,
            max=6,
            help="Longest n-grams; 0: 6 letters or 3 words.",
            show_default=False,
        ),
    ] = 0,
    prune: Annotated[
        str,
        typer.Option(help="Drop n-grams that occur no more often, by length: 0,0,1."),
    ] = "",
    letters: Annotated[
        Literal["romanised", "own"],
        typer.Option(help="romanised: a-z and '. own: those of the language."),
    ] = "romanised",
    joined: Annotated[
        bool,
        typer.Option(help="No mark between words, for models that write none."),
    ] = False,
    split: Annotated[str, typer.Option(help="Whose texts are read.")] = "train",
    selection: Annotated[
        str, typer.Option(help="Which clips to use; all if empty.")
    ] = "default",
) -> None:
    """Estimate an n-gram language model from texts and write it as an ARPA file.

    pericope train lm build/demo more.txt swh.arpa --language swh --joined

    Modified Kneser-Ney smoothing. Spell as the acoustic model does: a-z unless it has
    the language's own letters (--letters own), joined if it writes no word separator,
    as the bundled one. Models of words decode to their words alone.
    """
    from models.decoding.arpa import write_arpa
    from models.decoding.ngram import NgramConfig, estimate_ngrams
    from pipelines.language_texts import TextConfig, sentences
    from schemas.errors import ConfigError

    texts = TextConfig(
        language=language,
        split=split,
        selection=selection or None,
        romanised=letters == "romanised",
        units=unit,
        is_joined=joined,
    )
    try:
        thresholds = tuple(int(count) for count in prune.split(",") if count)
    except ValueError as error:
        raise ConfigError(
            f"--prune: expected counts with commas between them, got {prune!r}"
        ) from error
    longest = order or (6 if unit == "letters" else 3)
    config = NgramConfig(order=longest, prune=thresholds)
    seen: Counter[str] = Counter()
    model = estimate_ngrams(sentences(sources, texts, seen), config)
    write_arpa(model, out)
    counts = ", ".join(f"{len(of.words_KN):,}" for of in model.by_length)
    print(
        f"{out}: {seen['used']:,} sentences ({seen['left out']:,} with numbers left "
        f"out), n-grams by length {counts}"
    )
