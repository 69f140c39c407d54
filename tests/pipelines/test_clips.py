"""Cutting clips into packs."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.clips import cut_clips, encode_flac
from tests.builders import make_segment


def decode(data: bytes) -> np.ndarray:
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate_hz == 16000
    return samples


@settings(deadline=None)
@given(count=st.integers(1, 9000), peak=st.integers(0, 32767), seed=st.integers(0, 99))
def test_sixteen_bit_samples_survive_exactly(count, peak, seed):
    rng = np.random.default_rng(seed)
    samples = rng.integers(-peak - 1, peak + 1, count).astype(np.int16)
    data = encode_flac(samples.astype(np.float32) / 32768)
    np.testing.assert_array_equal(decode(data), samples)
    assert encode_flac(samples.astype(np.float32) / 32768) == data


def test_a_clip_is_mono_16_bit_flac():
    info = soundfile.info(io.BytesIO(encode_flac(np.zeros(160, np.float32))))
    assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_16", 1)


def test_what_is_beyond_full_scale_is_clipped_not_wrapped():
    loud = np.array([1.0, 1.5, -1.0, -1.5, 0.99999], np.float32)
    assert decode(encode_flac(loud)).tolist() == [32767, 32767, -32768, -32768, 32767]


@pytest.mark.parametrize("bad", [[], [0.0, np.nan], [np.inf]])
def test_what_is_no_sound_is_a_bug(bad):
    with pytest.raises(ValueError, match="finite"):
        encode_flac(np.array(bad, np.float32))


def test_every_segment_lies_where_its_range_says():
    rng = np.random.default_rng(3)
    samples = rng.integers(-3000, 3000, 8 * 16000).astype(np.int16)
    segments = [make_segment(1.0, 4.0), make_segment(0.0, 0.5), make_segment(4.0, 8.0)]
    pack = io.BytesIO()
    ranges = cut_clips(samples.astype(np.float32) / 32768, segments, pack)
    data = pack.getvalue()
    assert sum(length for _, length in ranges) == len(data)
    for segment, (offset, length) in zip(segments, ranges, strict=True):
        start, end = round(segment.start_sec * 16000), round(segment.end_sec * 16000)
        clip = decode(data[offset : offset + length])
        np.testing.assert_array_equal(clip, samples[start:end])


@pytest.mark.parametrize("interval", [(7.0, 8.001), (2.0, 2.0), (3.0, 2.0)])
def test_a_segment_beyond_the_recording_is_a_bug(interval):
    with pytest.raises(ValueError, match="rec-001_"):
        cut_clips(
            np.zeros(8 * 16000, np.float32), [make_segment(*interval)], io.BytesIO()
        )
