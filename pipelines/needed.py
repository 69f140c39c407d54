"""Which results of the store a run would use: named from the manifest, as a run does.

Nothing is decoded or computed. Names that depend on results which are not there yet are
not known, and nothing is kept for them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipelines.adapted_model import STAGE as ADAPT
from pipelines.adapted_model import SUFFIX as ADAPT_SUFFIX
from pipelines.align_recording import STAGE as ALIGN
from pipelines.align_recording import (
    AlignedRecording,
    adaptation_of,
    alignment_digest,
)
from pipelines.alignment_file import SUFFIX as ALIGN_SUFFIX
from pipelines.context import RunContext
from pipelines.cut_recording import INDEX, PACK, cut_digest
from pipelines.cut_recording import STAGE as CUT
from pipelines.detect_speech import STAGE as SPEECH
from pipelines.detect_speech import SUFFIX as SPEECH_SUFFIX
from pipelines.detect_speech import read_heard_stretches, speech_digest
from pipelines.emission_store import STAGE as EMISSIONS
from pipelines.emission_store import SUFFIX as EMISSIONS_SUFFIX
from pipelines.emission_store import emissions_digest
from pipelines.fetch_entries import FetchedFile, known_source
from pipelines.fetch_recording import STAGE as FETCH
from pipelines.fetch_recording import FetchedRecording
from pipelines.opinion import HEARD, heard_digest, opinion_digest
from pipelines.opinion import STAGE as OPINION
from pipelines.score_recording import STAGE as SCORE
from pipelines.score_recording import SUFFIX as SCORE_SUFFIX
from pipelines.score_recording import scores_digest
from schemas.source import Recording

STAGES = (FETCH, EMISSIONS, ALIGN, ADAPT, SCORE, OPINION, HEARD, SPEECH, CUT)
"""Whose results are named here; other stages belong to other commands."""
_JSON, _NPZ, _BODY = ".json", ".npz", ".bin"


@dataclass(frozen=True, order=True)
class StoreName:
    """A result's place in the store."""

    stage: str
    digest: str
    suffix: str

    @property
    def path(self) -> str:
        """The place below the stage's folder."""
        return f"{self.digest[:2]}/{self.digest}{self.suffix}"


@dataclass(frozen=True)
class Needed:
    """What a run would use, and the downloads that it would go on with."""

    paths: dict[str, set[str]]
    """By stage, below its folder."""
    downloads: frozenset[str]
    """Names of entries of sources that are not here yet."""
    unknown: tuple[str, ...]
    """Recordings whose sources are not at hand: their results cannot be named."""


def needed_results(
    recordings: Iterable[Recording], contexts: Iterable[RunContext]
) -> Needed:
    """Name what runs over some recordings would use.

    Args:
      recordings: of the manifest.
      contexts: the settings of each run; all have the same store.
    """
    contexts = tuple(contexts)
    paths: dict[str, set[str]] = {stage: set() for stage in STAGES}
    downloads: set[str] = set()
    unknown: list[str] = []
    for recording in recordings:
        known = _Sources(recording, contexts[0])
        downloads |= known.downloads
        if known.fetched is None:
            unknown.append(recording.recording_id)
        names = set(known.names)
        if known.fetched is not None:
            for context in contexts:
                own = context.of_language(recording.language)
                names.update(_results(known.fetched, own))
        for name in names:
            paths[name.stage].add(name.path)
    return Needed(paths, frozenset(downloads), tuple(unknown))


class _Sources:
    """The files of a recording as far as they are at hand."""

    def __init__(self, recording: Recording, context: RunContext) -> None:
        self.names: list[StoreName] = []
        self.downloads: set[str] = set()
        audio, text, timing = (
            None if uri is None else self._known(uri, context)
            for uri in (recording.audio, recording.text, recording.timing)
        )
        self.fetched: FetchedRecording | None = None
        all_there = bool(recording.text) == bool(text) and (
            bool(recording.timing) == bool(timing)
        )
        if audio is not None and all_there:
            self.fetched = FetchedRecording(recording, audio, text, timing)

    def _known(self, uri: str, context: RunContext) -> FetchedFile | None:
        entry, file = known_source(uri, context.store)
        if entry:
            self.names.append(StoreName(FETCH, entry, _JSON))
        if file is None:
            self.downloads.add(entry)
        else:
            self.names.append(StoreName(FETCH, file.sha256, _BODY))
        return file


def _results(fetched: FetchedRecording, context: RunContext) -> Iterator[StoreName]:
    """Yield the names of a recording's results, as far as they are known."""
    if fetched.text is None:
        yield from _clips(AlignedRecording(fetched, ""), context)
        return
    digest = alignment_digest(fetched, context)
    aligned = AlignedRecording(fetched, digest)
    yield StoreName(ALIGN, digest, ALIGN_SUFFIX)
    adaptation = adaptation_of(fetched, context)
    if adaptation:
        yield StoreName(ADAPT, adaptation, ADAPT_SUFFIX)
    scores = StoreName(SCORE, scores_digest(aligned, context), SCORE_SUFFIX)
    opinions = StoreName(OPINION, opinion_digest(aligned, context), _JSON)
    yield from (name for name in (scores, opinions) if name.digest)
    wanted = [name for name in (scores, opinions) if name.digest]
    is_scored = all(context.store.has(n.stage, n.digest, n.suffix) for n in wanted)
    yield from _heard(fetched, context, is_scored=is_scored)
    if not context.store.has(ALIGN, digest, ALIGN_SUFFIX):
        # Its text may be of no use; then it is cut as if it had none.
        yield from _clips(AlignedRecording(fetched, "", unread=True), context)
    yield from _clips(aligned, context)


def _heard(
    fetched: FetchedRecording, context: RunContext, *, is_scored: bool
) -> Iterator[StoreName]:
    """Yield what models heard: for this text, or another one in its place."""
    if context.keep_emissions or not is_scored:
        own = emissions_digest(fetched, context, context.model_fingerprint)
        yield StoreName(EMISSIONS, own, EMISSIONS_SUFFIX)
    other = context.opinion_fingerprint
    if other:
        digest = heard_digest(fetched, context, other)
        yield StoreName(HEARD, digest, _NPZ)
        if not context.store.has(HEARD, digest, _NPZ):
            own = emissions_digest(fetched, context, other)
            yield StoreName(EMISSIONS, own, EMISSIONS_SUFFIX)


def _clips(aligned: AlignedRecording, context: RunContext) -> Iterator[StoreName]:
    speech = speech_digest(aligned, context)
    if speech:
        yield StoreName(SPEECH, speech, SPEECH_SUFFIX)
        if not context.store.has(SPEECH, speech, SPEECH_SUFFIX):
            return  # the clips' name depends on what is heard
        heard = read_heard_stretches(speech, context)
        aligned = replace(aligned, speech=speech if heard else "")
    digest = cut_digest(aligned, context)
    yield StoreName(CUT, digest, INDEX)
    yield StoreName(CUT, digest, PACK)
