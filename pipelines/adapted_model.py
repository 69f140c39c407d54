"""The acoustic model that a recording is aligned with: its reader's own, if any.

A reader is learnt from one recording: the first by id whose verses pass the guard, of
the few that ``pipelines.readers`` names. What was learnt lies in the store under the
digest of all that it depends on, so that the chapters of a reader share it, in whatever
order they come.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TypeAlias

from aligner.emissions import AcousticModel
from aligner.spelling import Speller
from aligner.verse_clips import verse_clips
from models.adapt import with_weights
from models.devices import choose_device
from pipelines.adapt_guard import TrainableModel, adapt_to_voice, trainable
from pipelines.adaptation_file import dump_adaptation, load_adaptation
from pipelines.context import RunContext
from pipelines.fetch_recording import FetchedRecording, fetch_recording
from pipelines.readers import sources_of_reader
from pipelines.sharing import gate_of
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.alignment import Adaptation, AdaptationOutcome, ChapterAlignment
from schemas.errors import InputError
from schemas.keys import digest_of

STAGE = "adapt"
VERSION = 1
SUFFIX = ".safetensors"

Align: TypeAlias = Callable[[FetchedRecording, AcousticModel], ChapterAlignment]

_locks: dict[str, threading.Lock] = {}
_making = threading.Lock()


def sources_of(
    fetched: FetchedRecording, context: RunContext
) -> tuple[FetchedRecording, ...]:
    """Return the recordings that a recording's reader is learnt from.

    Those that cannot be had are left out; they are told of as rejects of their own.
    """
    sources = []
    for recording in sources_of_reader(fetched.recording, context.readers):
        if recording == fetched.recording:
            sources.append(fetched)
            continue
        try:
            sources.append(fetch_recording(recording, context))
        except InputError:
            continue
    return tuple(sources)


def adaptation_digest(alignments: Sequence[str], context: RunContext) -> str:
    """Name what is learnt of a reader.

    Args:
      alignments: digests of the sources' alignments by the model as it is: these stand
        for sound, text, model and aligner.
      context: with the settings of adaptation.
    """
    return digest_of(STAGE, VERSION, list(alignments), asdict(context.adapt))


def model_of_reader(
    sources: Sequence[FetchedRecording],
    digest: str,
    context: RunContext,
    align: Align,
) -> tuple[AcousticModel, Adaptation]:
    """Return the model for a reader's recordings and what was done for it.

    The first thread that asks learns the reader, others wait for it. Call it before
    the recording's own sound is decoded: nobody may wait here with sound in memory
    that another waits for.

    Args:
      sources: what the reader is learnt from.
      digest: names the result.
      context: model, store and settings.
      align: aligns a recording with a model.

    Raises:
      ArtifactError: what was learnt before is damaged.
    """
    model = trainable(context.model())
    if model is None:
        return context.model(), Adaptation(AdaptationOutcome.NOT_TRAINABLE)
    forget_waveform()
    store = context.store
    with _lock_of(digest):
        if not store.has(STAGE, digest, SUFFIX):
            data = _learnt(sources, model, digest, context, align)
            store.write_bytes(data, STAGE, digest, SUFFIX)
    uri = store.uri(STAGE, digest, SUFFIX)
    told, weights = load_adaptation(store.read_bytes(STAGE, digest, SUFFIX), uri)
    if told.outcome is AdaptationOutcome.ADAPTED:
        model = with_weights(model, weights, f"{model.fingerprint}+{digest}")
    return model, told


def _learnt(
    sources: Sequence[FetchedRecording],
    model: TrainableModel,
    digest: str,
    context: RunContext,
    align: Align,
) -> bytes:
    """Try the sources one after the other; return the first that could be learnt."""
    tried: list[Adaptation] = []
    seed = int(digest[:12], 16)
    for source in sources:
        recording = source.recording
        try:
            alignment = align(source, model)
            waveform = waveform_of_file(source.audio, context.max_hours)
        except InputError:
            continue  # it is a reject where it is aligned itself
        clips = verse_clips(alignment, Speller.of(model, recording.language))
        with gate_of(choose_device(context.device)):
            found, weights = adapt_to_voice(model, waveform, clips, context.adapt, seed)
        found = replace(found, recording_id=recording.recording_id)
        if found.outcome is AdaptationOutcome.ADAPTED:
            return dump_adaptation(found, weights)
        tried.append(found)
    # The first that had enough to be judged, else the first.
    tried.sort(key=lambda told: told.outcome is AdaptationOutcome.TOO_SHORT)
    nothing = Adaptation(AdaptationOutcome.TOO_SHORT)
    return dump_adaptation(tried[0] if tried else nothing, {})


def _lock_of(digest: str) -> threading.Lock:
    with _making:
        return _locks.setdefault(digest, threading.Lock())
