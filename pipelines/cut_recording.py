"""Fifth step: a recording is cut into clips, encoded side by side in one pack."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import lru_cache
from typing import Any

from aligner.sound_track import with_sound
from aligner.splits import split_unit
from pipelines.align_recording import AlignedRecording, read_alignment
from pipelines.clips import cut_clips
from pipelines.context import RunContext
from pipelines.events import LAST_FILE, LAST_STAGE, worked
from pipelines.ledger import Gap
from pipelines.licences import NO_MODEL
from pipelines.planned_segments import VERSION, planned_segments
from pipelines.progress import recording_done
from pipelines.unlabeled_clips import unlabeled_clips
from pipelines.waveforms import Waveform, forget_waveform, waveform_of_file
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.segment import ClipRef, Segment
from schemas.tables import segment_from_row, segment_row
from schemas.units import sec_from_samples

STAGE, INDEX = LAST_STAGE, LAST_FILE
PACK = ".pack"


@dataclass(frozen=True)
class CutRecording:
    """What later stages need to know of a recording: names in the store and sums."""

    recording_id: str
    language: str
    book: str
    chapter: int
    unit: str
    labeled: bool
    """Whether it was aligned; also then some of its clips may be without text."""
    duration_sec: float
    unlabeled_sec: float
    """Of its clips without text together."""
    alignment: str
    scores: str
    opinions: str
    digest: str


def cut_recording(aligned: AlignedRecording, context: RunContext) -> CutRecording:
    """Cut a recording, unless the store has its clips already.

    Raises:
      InputError: the audio of an unlabeled recording cannot be used.
    """
    try:
        digest = cut_digest(aligned, context)
        if not context.store.has(STAGE, digest, INDEX):
            worked()
            _cut(aligned, digest, context)
    finally:
        forget_waveform()
    index = read_index(digest, context)
    recording_done(index["duration_sec"])
    recording = aligned.fetched.recording
    return CutRecording(
        recording_id=recording.recording_id,
        language=recording.language,
        book=recording.book,
        chapter=recording.chapter,
        unit=index["unit"],
        labeled=bool(aligned.digest),
        duration_sec=index["duration_sec"],
        unlabeled_sec=index["unlabeled_sec"],
        alignment=aligned.digest,
        scores=aligned.scores,
        opinions=aligned.opinions,
        digest=digest,
    )


def read_index(digest: str, context: RunContext) -> dict[str, Any]:
    """Return what was cut: durations, unit of splitting, rows with their places.

    ``dropped`` tells of audio that was listened to why it is in no clip.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, INDEX)
    return _parsed_index(context.store.read_bytes(STAGE, digest, INDEX), uri)


@lru_cache(maxsize=8)
def _parsed_index(data: bytes, uri: str) -> dict[str, Any]:
    try:
        return json.loads(data)
    except ValueError as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def clip_refs(digest: str, split: str, context: RunContext) -> list[ClipRef]:
    """Return the clips of a cut recording with the split that it belongs to."""
    pack = context.store.uri(STAGE, digest, PACK)
    refs = []
    for row in read_index(digest, context)["clips"]:
        segment = segment_from_row({**row["segment"], "split": split})
        is_labeled = not segment.source
        place = row["offset"], row["length"]
        refs.append(ClipRef(segment, pack, *place, is_labeled))
    return refs


def clip_lanes(digest: str, context: RunContext) -> list[tuple[str, bool]]:
    """Return the key of each clip of a cut recording, and whether it is labeled."""
    rows = (row["segment"] for row in read_index(digest, context)["clips"])
    return [(row["key"], not row["source"]) for row in rows]


def dropped_stretches(digest: str, context: RunContext) -> tuple[Gap, ...]:
    """Return why audio that was listened to is in no clip."""
    dropped = read_index(digest, context)["dropped"]
    return tuple(Gap(*gap) for gap in dropped)


def cut_digest(aligned: AlignedRecording, context: RunContext) -> str:
    """Name the clips of a recording by all that they depend on."""
    recording = aligned.fetched.recording
    about = [recording.book, recording.reader, recording.drama, recording.licence]
    source = aligned.digest or [
        recording.recording_id,
        recording.language,
        aligned.fetched.audio.sha256,
    ]
    licence = _model_licence(aligned, context)
    settings: list[Any] = [licence, asdict(context.segment)]
    if aligned.speech:
        rules, asked = context.unlabeled.speech_rules, context.identifier_fingerprint
        settings += [aligned.speech, rules, asked]
    return digest_of(STAGE, VERSION, source, about, *settings)


def _model_licence(aligned: AlignedRecording, context: RunContext) -> str:
    """Return the licence of the weights that had a say in the segments."""
    if not aligned.digest or aligned.fetched.timing is not None:
        return NO_MODEL
    return context.model_licence


def _cut(aligned: AlignedRecording, digest: str, context: RunContext) -> None:
    waveform = waveform_of_file(aligned.fetched.audio, context.max_hours)
    segments, unit = _labeled(aligned, waveform, context)
    unlabeled, dropped = unlabeled_clips(aligned, waveform, context)
    licence = _model_licence(aligned, context)
    segments = sorted(
        (replace(own, model_licence=licence) for own in [*segments, *unlabeled]),
        key=lambda own: own.start_sec,
    )
    with context.store.writing(STAGE, digest, PACK) as pack:
        places = cut_clips(waveform, segments, pack)
    clips = [
        {
            "segment": segment_row(segment),
            "offset": place.offset,
            "length": place.length,
        }
        for segment, place in zip(segments, places, strict=True)
    ]
    index = {
        "duration_sec": sec_from_samples(len(waveform)),
        "unlabeled_sec": math.fsum(own.duration_sec for own in unlabeled),
        "unit": unit,
        "clips": clips,
        "dropped": [astuple(gap) for gap in dropped],
    }
    text = json.dumps(index, ensure_ascii=False, sort_keys=True)
    # Written last: where the index is, the pack is whole.
    context.store.write_bytes(text.encode(), STAGE, digest, INDEX)


def _labeled(
    aligned: AlignedRecording, waveform: Waveform, context: RunContext
) -> tuple[Sequence[Segment], str]:
    """Return the segments with text, and the unit that is never split."""
    recording = aligned.fetched.recording
    if not aligned.digest:
        return (), recording.recording_id
    alignment = read_alignment(aligned.digest, context)
    segments = planned_segments(alignment, recording, context)
    unit = split_unit(recording.book, [verse.text for verse in alignment.verses])
    return with_sound(segments, waveform, alignment.level_db, alignment), unit
