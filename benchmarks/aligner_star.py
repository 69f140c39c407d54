"""What stars between verses do to verse edges, and for verses under unwritten headings.

Chapters of languages and voices that the model was not trained on, and that nothing
about the star was chosen on; its cost is what the aligner takes from each recording.
"""

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from benchmarks.accuracy import Aligned, align_all
from benchmarks.aligner_events import LINE_ONLY, edge_error_sec
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import speech_of, with_options
from models.catalog import load_acoustic_model
from pipelines.synth.presets import unheard_jobs

_MINUTES, _QUICK_MINUTES = 2.5, 0.5
_SEED = 910_001
_HEADINGS = 2
STARS, NO_STARS = "stars", "no stars"
_NOTE = (
    "Mean absolute errors; 'no stars' is the plain line, which has a star before verse "
    "1 only."
)


def measure(*, quick: bool) -> list[Figure]:
    """Align chapters without and with headings, each with stars and without."""
    model = load_acoustic_model("bundled")
    plain = unheard_jobs(_QUICK_MINUTES if quick else _MINUTES, _SEED, title=False)
    ordinary = speech_of(plain)
    headed = speech_of(with_options(plain, headings=_HEADINGS))
    figures, edge_msec = [], {}
    for case, changes in ((NO_STARS, LINE_ONLY), (STARS, {})):
        without = align_all(ordinary, model, f"{case}, no headings", **changes)
        with_headings = align_all(headed, model, f"{case}, headings", **changes)
        edge_msec[case] = edge_error_sec(without) * 1000
        under = np.array(errors_under_headings_sec(with_headings)) * 1000
        figures += [
            Figure(name="ordinary verses, edges", case=case, value=edge_msec[case],
                   unit=Unit.MSEC),
            Figure(name="verses under headings", case=case, value=len(under),
                   unit=Unit.COUNT),
            Figure(name="verses under headings, start", case=case,
                   value=float(under.mean()), unit=Unit.MSEC,
                   at_most=20.0 if case == STARS else None),
            Figure(name="verses under headings, start, median", case=case,
                   value=float(np.median(under)), unit=Unit.MSEC),
        ]  # fmt: skip
    return [
        *figures,
        Figure(name="ordinary verses, edges, apart", case=STARS, unit=Unit.MSEC,
               value=edge_msec[STARS] - edge_msec[NO_STARS], at_most=2.0),
    ]  # fmt: skip


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Stars between verses", figures, _NOTE)


def errors_under_headings_sec(aligned: Aligned) -> list[float]:
    """Return how far each verse start is off that follows a spoken heading.

    A verse that was told to be left out counts as off by the whole verse.
    """
    errors = []
    for found, truth in aligned.pairs:
        headings = [extra for extra in truth.extras if extra.kind == "heading"]
        for heading in headings:
            pairs = zip(found.verses, truth.verses, strict=True)
            got, verse = next(p for p in pairs if p[1].start_sec >= heading.end_sec)
            off_sec = abs(got.start_sec - verse.start_sec)
            lost_sec = verse.end_sec - verse.start_sec
            errors.append(lost_sec if np.isnan(off_sec) else off_sec)
    return errors
