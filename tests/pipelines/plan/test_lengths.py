"""Lengths by headers, held against what decoding gives."""

from dataclasses import replace

import pytest

from aligner.audio import decode_audio
from pipelines.plan.lengths import Lengths, header_lengths
from schemas.source import Recording
from schemas.units import SAMPLE_RATE_HZ
from tests.pipelines.corpora import Speech


def test_headers_tell_what_decoding_finds(speech: Speech):
    recordings = [
        Recording(
            recording_id=job.recording_id,
            language=job.options.language,
            audio=str(speech.audio(job.recording_id)),
        )
        for job in speech.jobs
    ]
    elsewhere = replace(recordings[0], audio="https://example.org/a.mp3")
    no_audio = replace(recordings[0], audio=str(speech.text("swh-mrk-001")))
    lengths = header_lengths([*recordings, elsewhere, no_audio])
    decoded = [len(decode_audio(one.audio)) / SAMPLE_RATE_HZ for one in recordings]
    assert lengths.known == pytest.approx(decoded, abs=0.1)
    assert lengths.unknown == 2
    mean = sum(lengths.known) / len(lengths.known)
    assert lengths.filled() == (*lengths.known, mean, mean)


def test_where_nothing_is_known_the_sample_tells():
    assert Lengths((None, None)).filled(12.5) == (12.5, 12.5)
