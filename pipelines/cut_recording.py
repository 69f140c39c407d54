"""Fourth step: a recording is cut into clips, encoded side by side in one pack."""

import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from aligner.pauses import level_db
from aligner.segments import plan_segments
from aligner.sound_track import with_sound
from aligner.splits import split_unit
from aligner.unlabeled import unlabeled_segments
from pipelines.align_recording import AlignedRecording, read_alignment
from pipelines.clips import cut_clips
from pipelines.context import RunContext
from pipelines.licences import NO_MODEL
from pipelines.progress import recording_done
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.alignment import ChapterAlignment
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.segment import ClipRef, Segment
from schemas.source import Recording
from schemas.tables import segment_from_row, segment_row
from schemas.units import sec_from_samples

STAGE = "cut"
VERSION = 4
PACK = ".pack"
INDEX = ".json"


@dataclass(frozen=True)
class CutRecording:
    """What later stages need to know of a recording: names in the store and sums."""

    recording_id: str
    language: str
    book: str
    chapter: int
    unit: str
    labeled: bool
    duration_sec: float
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
        digest = _cut_digest(aligned, context)
        if not context.store.has(STAGE, digest, INDEX):
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
        alignment=aligned.digest,
        scores=aligned.scores,
        opinions=aligned.opinions,
        digest=digest,
    )


def read_index(digest: str, context: RunContext) -> dict[str, Any]:
    """Return what was cut: duration, unit of splitting and rows with their places.

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


def clip_refs(
    digest: str, split: str, context: RunContext, *, labeled: bool
) -> list[ClipRef]:
    """Return the clips of a cut recording with the split that it belongs to."""
    pack = context.store.uri(STAGE, digest, PACK)
    return [
        ClipRef(
            segment_from_row({**row["segment"], "split": split}),
            pack,
            row["offset"],
            row["length"],
            labeled,
        )
        for row in read_index(digest, context)["clips"]
    ]


def clip_keys(digest: str, context: RunContext) -> list[str]:
    """Return the keys of a cut recording's clips."""
    return [row["segment"]["key"] for row in read_index(digest, context)["clips"]]


def _cut_digest(aligned: AlignedRecording, context: RunContext) -> str:
    recording = aligned.fetched.recording
    about = [recording.book, recording.reader, recording.drama, recording.licence]
    source = aligned.digest or [
        recording.recording_id,
        recording.language,
        aligned.fetched.audio.sha256,
    ]
    licence = _model_licence(aligned, context)
    return digest_of(STAGE, VERSION, source, about, licence, asdict(context.segment))


def _model_licence(aligned: AlignedRecording, context: RunContext) -> str:
    """Return the licence of the weights that had a say in the segments."""
    if not aligned.digest or aligned.fetched.timing is not None:
        return NO_MODEL
    return context.model_licence


def _cut(aligned: AlignedRecording, digest: str, context: RunContext) -> None:
    waveform = waveform_of_file(aligned.fetched.audio, context.max_hours)
    recording = aligned.fetched.recording
    alignment = None
    if aligned.digest:
        alignment = read_alignment(aligned.digest, context)
        levels = alignment.level_db
        segments = planned_segments(alignment, recording, context)
        unit = split_unit(recording.book, [verse.text for verse in alignment.verses])
    else:
        duration_sec = sec_from_samples(len(waveform))
        levels = level_db(waveform)
        segments = unlabeled_segments(recording, levels, duration_sec)
        unit = recording.recording_id
    licence = _model_licence(aligned, context)
    segments = tuple(
        replace(segment, model_licence=licence)
        for segment in with_sound(segments, waveform, levels, alignment)
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
        "unit": unit,
        "clips": clips,
    }
    text = json.dumps(index, ensure_ascii=False, sort_keys=True)
    # Written last: where the index is, the pack is whole.
    context.store.write_bytes(text.encode(), STAGE, digest, INDEX)


def planned_segments(
    alignment: ChapterAlignment, recording: Recording, context: RunContext
) -> tuple[Segment, ...]:
    """Return the segments of a recording, not yet cut and without ``split``."""
    return plan_segments(
        alignment,
        context.segment,
        book=recording.book,
        reader=recording.reader,
        drama=recording.drama,
        licence=recording.licence,
    )
