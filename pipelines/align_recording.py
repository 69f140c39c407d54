"""Second step: when each verse and word of a recording was spoken."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aligner.align import align_chapter
from aligner.emissions import AcousticModel
from models.devices import choose_device
from pipelines.adapted_model import adaptation_digest, model_of_reader, sources_of
from pipelines.alignment_file import SUFFIX, dump_alignment, load_alignment
from pipelines.context import RunContext
from pipelines.emission_store import drop_emissions, emissions_of
from pipelines.events import worked
from pipelines.fetch_recording import FetchedRecording
from pipelines.identify_recording import require_own_text
from pipelines.known_times import MODEL as KNOWN_TIMES
from pipelines.known_times import alignment_of_known_times
from pipelines.sharing import batches_side_by_side, gate_of
from pipelines.store import local_copy
from pipelines.synth.truth import read_truth
from pipelines.texts import read_chapter
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.alignment import ChapterAlignment
from schemas.keys import digest_of
from schemas.source import Chapter

STAGE = "align"
VERSION = 6


@dataclass(frozen=True)
class AlignedRecording:
    """A recording and the names of its results in the store ("" without text)."""

    fetched: FetchedRecording
    digest: str
    scores: str = ""
    """Of what ``score_recording`` found, "" where no model has listened."""
    opinions: str = ""
    """Of what ``opinions_on`` found, "" where no model was asked."""
    speech: str = ""
    """Of what ``detect_speech`` heard, "" where there was nothing to listen to."""
    unread: bool = False
    """Whether it has a text, but one that could not be used."""


def align_recording(fetched: FetchedRecording, context: RunContext) -> AlignedRecording:
    """Align a recording, unless the store has the result already.

    Raises:
      InputError: audio or text cannot be used, or do not fit each other, or another
        text was read, where that is looked for (``context.known_texts``).
    """
    if fetched.text is None:
        return AlignedRecording(fetched, "")
    digest = alignment_digest(fetched, context)
    try:
        if context.known_texts and fetched.timing is None:
            require_own_text(fetched, context)
        if not context.store.has(STAGE, digest, SUFFIX):
            worked()
            alignment = _aligned(fetched, context)
            context.store.write_bytes(dump_alignment(alignment), STAGE, digest, SUFFIX)
    except BaseException:
        forget_waveform()  # nobody will cut it
        drop_emissions(fetched, context)
        raise
    return AlignedRecording(fetched, digest)


def alignment_digest(fetched: FetchedRecording, context: RunContext) -> str:
    """Name the alignment by everything that it depends on."""
    return _digest(fetched, adaptation_of(fetched, context), context)


def adaptation_of(fetched: FetchedRecording, context: RunContext) -> str:
    """Name what is learnt of the reader, "" if nothing is."""
    if not context.adapt.enabled or fetched.timing is not None:
        return ""
    sources = sources_of(fetched, context)
    return adaptation_digest([_digest(own, "", context) for own in sources], context)


def _digest(fetched: FetchedRecording, adaptation: str, context: RunContext) -> str:
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
        adaptation,
    )


def read_alignment(digest: str, context: RunContext) -> ChapterAlignment:
    """Read an alignment from the store.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, SUFFIX)
    return load_alignment(context.store.read_bytes(STAGE, digest, SUFFIX), uri)


def _aligned(fetched: FetchedRecording, context: RunContext) -> ChapterAlignment:
    if fetched.timing is not None:
        return _of_known_times(fetched, context)
    align = partial(_aligned_by, context=context)
    adaptation = adaptation_of(fetched, context)
    if not adaptation:
        return align(fetched, context.model(), kept=True)
    sources = sources_of(fetched, context)
    model, told = model_of_reader(sources, adaptation, context, align)
    alignment = align(fetched, model, kept=model is context.model())
    return replace(alignment, adaptation=told)


def _aligned_by(
    fetched: FetchedRecording,
    model: AcousticModel,
    context: RunContext,
    *,
    kept: bool = False,
) -> ChapterAlignment:
    """Align with any model; only what the run's own heard is kept for later stages."""
    chapter = chapter_of(fetched)  # before the audio: cheaper to find fault with
    device = choose_device(context.device)
    return align_chapter(
        waveform_of_file(fetched.audio, context.max_hours),
        chapter,
        model,
        context.align,
        recording_id=fetched.recording.recording_id,
        emissions_TC=emissions_of(fetched, context) if kept else None,
        workers=batches_side_by_side(device, context.window_workers),
        gate=gate_of(device),
    )


def _of_known_times(fetched: FetchedRecording, context: RunContext) -> ChapterAlignment:
    chapter = chapter_of(fetched)
    waveform = waveform_of_file(fetched.audio, context.max_hours)
    assert fetched.timing is not None
    with local_copy(fetched.timing.path) as path:
        truth = read_truth(Path(path))
    recording_id = fetched.recording.recording_id
    return alignment_of_known_times(waveform, chapter, truth, recording_id)


def chapter_of(fetched: FetchedRecording) -> Chapter:
    """Return the text of a recording that has one."""
    assert fetched.text is not None
    with local_copy(fetched.text.path) as path:
        return read_chapter(path, fetched.recording)
