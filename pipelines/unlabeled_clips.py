"""The clips without text of one recording, measured; and why the rest is in none."""

from aligner.pauses import level_db
from aligner.sound_track import with_sound
from aligner.unlabeled import plan_unlabeled, unlabeled_segments
from pipelines.align_recording import AlignedRecording
from pipelines.context import RunContext
from pipelines.detect_speech import read_heard_stretches
from pipelines.heard_language import identified
from pipelines.ledger import Gap
from pipelines.waveforms import Waveform
from schemas.segment import Segment
from schemas.units import sec_from_samples


def unlabeled_clips(
    aligned: AlignedRecording, waveform_N: Waveform, context: RunContext
) -> tuple[tuple[Segment, ...], tuple[Gap, ...]]:
    """Return segments without text, and what was listened to but is in none of them."""
    if not aligned.speech:
        return (), ()
    levels = level_db(waveform_N)
    segments: list[Segment] = []
    dropped: list[Gap] = []
    for heard in read_heard_stretches(aligned.speech, context):
        plan = plan_unlabeled(heard.sounds, levels, context.unlabeled)
        recording = aligned.fetched.recording
        segments += unlabeled_segments(recording, plan, levels, heard.source)
        dropped += [
            Gap(sec_from_samples(start), sec_from_samples(end), reason)
            for start, end, reason in plan.dropped
        ]
    if not segments:
        return (), tuple(dropped)
    measured = with_sound(segments, waveform_N, levels, None)
    return identified(measured, waveform_N, context), tuple(dropped)
