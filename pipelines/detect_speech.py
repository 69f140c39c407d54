"""Fourth step: where somebody speaks in audio that has no text.

That is the whole of a recording without text, or one whose text could not be used, and
of others what is in no segment (``pipelines.harvest``).
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aligner.pauses import STEP_SAMPLES, level_db
from aligner.speech import Sound, Stretch, listen, loud_level_db
from models.speech_detector import load_speech_detector
from pipelines.align_recording import AlignedRecording, read_alignment
from pipelines.context import RunContext
from pipelines.events import worked
from pipelines.harvest import find_leftovers
from pipelines.ledger import find_gaps
from pipelines.planned_segments import VERSION as CUT_VERSION
from pipelines.planned_segments import planned_segments
from pipelines.unlabeled_config import UNREAD
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.errors import ArtifactError, NoSpeech
from schemas.keys import digest_of
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec, sec_from_samples

STAGE = "speech"
VERSION = 1
SUFFIX = ".json"
RECORDING = "recording"
"""The source of a recording that never had a text."""
_FORMAT = "pericope-speech/1"


@dataclass(frozen=True)
class HeardStretch:
    """A stretch without text, what it is left over from, and what sounds in it."""

    source: str
    sounds: tuple[Stretch, ...]


def detect_speech(aligned: AlignedRecording, context: RunContext) -> AlignedRecording:
    """Listen for speech outside of segments, unless the store has the result already.

    Returns:
      The recording with ``speech``, the result's name in the store; "" where there is
      nothing to listen to.

    Raises:
      InputError: the audio cannot be used, or nobody speaks in a recording without
        text.
    """
    digest = speech_digest(aligned, context)
    if not digest:
        return aligned
    try:
        if not context.store.has(STAGE, digest, SUFFIX):
            worked()
            data = _dumped(_heard(aligned, context))
            context.store.write_bytes(data, STAGE, digest, SUFFIX)
        heard = read_heard_stretches(digest, context)
        if not aligned.digest:
            _require_speech(aligned, heard)
    except BaseException:
        forget_waveform()  # nobody will cut it
        raise
    return replace(aligned, speech=digest if heard else "")


def read_heard_stretches(digest: str, context: RunContext) -> tuple[HeardStretch, ...]:
    """Return what was heard in a recording.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, SUFFIX)
    try:
        document = json.loads(context.store.read_bytes(STAGE, digest, SUFFIX))
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        return tuple(
            HeardStretch(
                row["source"],
                tuple(Stretch(s, e, Sound(name)) for s, e, name in row["sounds"]),
            )
            for row in document["stretches"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _wanted_gaps(context: RunContext) -> list[str]:
    return [kind for kind in context.unlabeled.harvest if kind != UNREAD]


def speech_digest(aligned: AlignedRecording, context: RunContext) -> str:
    """Name what is heard by all that it depends on; "" where nobody listens."""
    if aligned.digest and not _wanted_gaps(context):
        return ""
    fetched = aligned.fetched
    source: list[Any] = [fetched.audio.sha256, aligned.unread]
    if aligned.digest:
        rules = context.unlabeled
        kinds = sorted(_wanted_gaps(context))
        plan = [CUT_VERSION, aligned.digest, asdict(context.segment), kinds]
        source = [*plan, rules.pad_sec, rules.min_sec]
    return digest_of(STAGE, VERSION, load_speech_detector().fingerprint, source)


def _heard(aligned: AlignedRecording, context: RunContext) -> Iterable[HeardStretch]:
    if aligned.digest:
        return _heard_left_over(aligned, context)
    waveform = waveform_of_file(aligned.fetched.audio, context.max_hours)
    loud_db = loud_level_db(level_db(waveform))
    sounds = listen(waveform, load_speech_detector(), loud_db)
    return [HeardStretch(UNREAD if aligned.unread else RECORDING, sounds)]


def _heard_left_over(
    aligned: AlignedRecording, context: RunContext
) -> list[HeardStretch]:
    """Listen to what is in no segment, where it is long enough for a clip."""
    alignment = read_alignment(aligned.digest, context)
    segments = planned_segments(alignment, aligned.fetched.recording, context)
    rules = context.unlabeled
    duration_sec = alignment.duration_sec
    gaps = find_gaps(alignment, segments)
    kinds = _wanted_gaps(context)
    leftovers = find_leftovers(duration_sec, segments, gaps, kinds, rules.pad_sec)
    found = []
    for gap in leftovers:
        start, end = _whole_steps(gap.start_sec, gap.end_sec)
        if end - start < samples_from_sec(rules.min_sec):
            continue
        waveform = waveform_of_file(aligned.fetched.audio, context.max_hours)
        loud_db = loud_level_db(alignment.level_db)
        part = waveform[start:end]
        sounds = listen(part, load_speech_detector(), loud_db, start)
        found.append(HeardStretch(gap.reason, sounds))
    return found


def _whole_steps(start_sec: float, end_sec: float) -> tuple[int, int]:
    """Return the samples of the whole steps of 10 ms within an interval."""
    step_sec = STEP_SAMPLES / SAMPLE_RATE_HZ
    # Thousandths of a step are rounding.
    first = math.ceil(start_sec / step_sec - 1e-3)
    last = math.floor(end_sec / step_sec + 1e-3)
    return first * STEP_SAMPLES, last * STEP_SAMPLES


def _require_speech(aligned: AlignedRecording, heard: Sequence[HeardStretch]) -> None:
    sounds = [stretch for own in heard for stretch in own.sounds]
    if any(stretch.sound is Sound.SPEECH for stretch in sounds):
        return
    total = sum(stretch.end - stretch.start for stretch in sounds)
    lengths = dict.fromkeys((Sound.MUSIC, Sound.NOISE, Sound.SILENCE), 0)
    for stretch in sounds:
        lengths[stretch.sound] += stretch.end - stretch.start
    told = ", ".join(
        f"{100 * own / total:.0f} % {name}" for name, own in lengths.items()
    )
    error = NoSpeech(
        f"{aligned.fetched.audio.uri}: expected speech in a recording without text, "
        f"heard none in {sec_from_samples(total):.1f} s ({told}); leave it out of the "
        "manifest if that is so"
    )
    error.duration_sec = sec_from_samples(total)
    raise error


def _dumped(heard: Iterable[HeardStretch]) -> bytes:
    rows = [
        {
            "source": own.source,
            "sounds": [[s.start, s.end, str(s.sound)] for s in own.sounds],
        }
        for own in heard
    ]
    document = {"format": _FORMAT, "stretches": rows}
    return json.dumps(document, separators=(",", ":")).encode()
