"""Second step: when each verse and word of a recording was spoken."""

from dataclasses import dataclass
from pathlib import Path

from aligner.align import align_chapter
from pipelines.alignment_file import SUFFIX, dump_alignment, load_alignment
from pipelines.context import RunContext
from pipelines.emission_store import drop_emissions, emissions_of
from pipelines.fetch_recording import FetchedRecording
from pipelines.known_times import MODEL as KNOWN_TIMES
from pipelines.known_times import alignment_of_known_times
from pipelines.store import local_copy
from pipelines.synth.truth import read_truth
from pipelines.texts import read_chapter
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.alignment import ChapterAlignment
from schemas.keys import digest_of
from schemas.source import Chapter

STAGE = "align"
VERSION = 5


@dataclass(frozen=True)
class AlignedRecording:
    """A recording and the names of its results in the store ("" without text)."""

    fetched: FetchedRecording
    digest: str
    scores: str = ""
    """Of what ``score_recording`` found, "" where no model has listened."""
    opinions: str = ""
    """Of what ``opinions_on`` found, "" where no model was asked."""


def align_recording(fetched: FetchedRecording, context: RunContext) -> AlignedRecording:
    """Align a recording, unless the store has the result already.

    Raises:
      InputError: audio or text cannot be used, or do not fit each other.
    """
    if fetched.text is None:
        return AlignedRecording(fetched, "")
    digest = alignment_digest(fetched, context)
    if not context.store.has(STAGE, digest, SUFFIX):
        try:
            alignment = _aligned(fetched, context)
        except BaseException:
            forget_waveform()  # nobody will cut it
            drop_emissions(fetched, context)
            raise
        context.store.write_bytes(dump_alignment(alignment), STAGE, digest, SUFFIX)
    return AlignedRecording(fetched, digest)


def alignment_digest(fetched: FetchedRecording, context: RunContext) -> str:
    """Name the alignment by everything that it depends on."""
    recording, text, timing = fetched.recording, fetched.text, fetched.timing
    source = [recording.language, recording.book, recording.chapter]
    settings = context.align_settings()
    model = context.model_fingerprint
    if timing is not None:
        settings, model = {"timing": timing.sha256}, KNOWN_TIMES
    return digest_of(
        STAGE,
        VERSION,
        recording.recording_id,
        fetched.audio.sha256,
        text.sha256 if text else "",
        str(recording.text_format),
        source,
        model,
        settings,
    )


def read_alignment(digest: str, context: RunContext) -> ChapterAlignment:
    """Read an alignment from the store.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, SUFFIX)
    return load_alignment(context.store.read_bytes(STAGE, digest, SUFFIX), uri)


def _aligned(fetched: FetchedRecording, context: RunContext) -> ChapterAlignment:
    recording = fetched.recording
    chapter = chapter_of(fetched)  # before the audio: cheaper to find fault with
    with local_copy(fetched.audio.path) as path:
        waveform = waveform_of(path, fetched.audio.sha256, context.max_hours)
    if fetched.timing is not None:
        with local_copy(fetched.timing.path) as path:
            truth = read_truth(Path(path))
        return alignment_of_known_times(
            waveform, chapter, truth, recording.recording_id
        )
    return align_chapter(
        waveform,
        chapter,
        context.model(),
        context.align,
        recording_id=recording.recording_id,
        emissions_TC=emissions_of(fetched, context),
    )


def chapter_of(fetched: FetchedRecording) -> Chapter:
    """Return the text of a recording that has one."""
    assert fetched.text is not None
    with local_copy(fetched.text.path) as path:
        return read_chapter(path, fetched.recording)
