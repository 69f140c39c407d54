"""``pericope check``: which recordings read their own text; nothing is aligned."""

import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aligner.identity import Verdict
from pipelines.alone import alone_in
from pipelines.context import RunContext
from pipelines.fetch_recording import fetch_recording
from pipelines.identify_recording import identify_recording
from pipelines.job import Job, knowing_texts
from pipelines.waveforms import forget_waveform
from schemas.errors import InputError
from schemas.source import Recording

UNUSABLE = "unusable"
"""In place of a verdict, where audio or text cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One recording as it is told; figures in standard errors, None if unknown."""

    recording_id: str
    language: str
    book: str
    chapter: int
    verdict: str
    """A ``Verdict``, or unusable."""
    own_fit: float | None = None
    likely_recording: str = ""
    """A recording of the text that was read, where that is another."""
    likely_language: str = ""
    likely_book: str = ""
    likely_chapter: int = 0
    likely_gain: float | None = None
    message: str = ""

    @property
    def is_wrong(self) -> bool:
        """Tell whether somebody has to look at it."""
        return self.verdict not in (Verdict.OWN, Verdict.UNSURE)


def check_corpus(job: Job) -> Iterator[Finding]:
    """Yield a finding for each recording with a text, in the manifest's order.

    Recordings without text or with known times are passed over; rows of the manifest
    that cannot be read come last. What was found before is not looked for again.

    Raises:
      ConfigError: another run is at work in the output.
      ArtifactError: a file in the store is damaged.
    """
    with alone_in(job.context.output), ThreadPoolExecutor(job.workers) as pool:
        context = knowing_texts(job).context
        recordings = [r for r in job.recordings if r.text and r.timing is None]
        yield from pool.map(lambda r: _finding(r, context), recordings)
    for reject in job.manifest.rejects:
        yield Finding(
            recording_id=reject.key, language=reject.language, book="", chapter=0,
            verdict=UNUSABLE, message=f"{reject.reason}: {reject.message}",
        )  # fmt: skip


def counts_of(findings: list[Finding]) -> dict[str, int]:
    """Return how many recordings have each verdict, also those that none has."""
    counts = Counter(finding.verdict for finding in findings)
    return {name: counts[name] for name in (*map(str, Verdict), UNUSABLE)}


def _finding(recording: Recording, context: RunContext) -> Finding:
    finding = Finding(
        recording_id=recording.recording_id,
        language=recording.language,
        book=recording.book,
        chapter=recording.chapter,
        verdict=UNUSABLE,
    )
    try:
        found = identify_recording(fetch_recording(recording, context), context)
    except InputError as error:
        return replace(finding, message=f"{error.reason}: {error}")
    finally:
        forget_waveform()
    judgement, likely = found.judgement, found.likely
    if likely is not None:
        finding = replace(
            finding,
            likely_recording=likely.recording_id,
            likely_language=likely.language,
            likely_book=likely.book,
            likely_chapter=likely.chapter,
            likely_gain=round(judgement.best_gain, 2),
        )
    fit = None if math.isnan(judgement.own_fit) else round(judgement.own_fit, 2)
    return replace(finding, verdict=judgement.verdict, own_fit=fit, message=found.told)
