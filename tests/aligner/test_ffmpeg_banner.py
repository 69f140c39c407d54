"""What is read from ffmpeg's banner, in the wordings of several versions."""

import pytest

from aligner.ffmpeg_banner import last_error, parse_banner

OLD = """Input #0, mp3, from 'file:/x/a.mp3':
  Metadata:
    title           : Input #0, wav, from 'b'
                    :   Stream #0:0: Audio: pcm, 5 Hz, 7.1
  Duration: 01:02:03.50, start: 0.025057, bitrate: 64 kb/s
  Stream #0:0(eng): Audio: mp3, 44100 Hz, stereo, fltp, 64 kb/s
  Stream #0:1: Video: mjpeg, yuvj444p(pc), 600x600, 90k tbn (attached pic)
Stream mapping:
  Stream #0:0 -> #0:0 (mp3 (mp3float) -> pcm_f32le (native))
Output #0, f32le, to 'pipe:':
  Stream #0:0: Audio: pcm_f32le, 16000 Hz, mono, flt, 512 kb/s
"""
NEW = """[in#0/mov,mp4,m4a,3gp,3g2,mj2 @ 0x1] [warning] something
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/x/a.m4b':
[info]   Duration: 00:00:08.00, start: 0.000000, bitrate: 64 kb/s
[info]   Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 8000 Hz, mono, fltp
[info]   Stream #0:1[0x2](und): Data: bin_data (text / 0x74786574), 0 kb/s
"""


def test_older_wording():
    source = parse_banner(OLD)
    assert source is not None
    assert (source.container, source.codec) == ("mp3", "mp3")
    assert (source.rate_hz, source.layout, source.channels) == (44_100, "stereo", 2)
    assert source.duration_sec == 3723.5
    assert source.start_sec == 0.025057
    assert source.audio_only


def test_newer_wording():
    source = parse_banner(NEW)
    assert source is not None
    assert (source.container[:4], source.codec, source.rate_hz) == ("mov,", "aac", 8000)
    assert (source.duration_sec, source.channels) == (8.0, 1)
    assert not source.audio_only


def test_estimates_are_no_promise():
    source = parse_banner("[mp3 @ 0x1] Estimating duration from bitrate\n" + OLD)
    assert source is not None
    assert (source.duration_sec, source.estimated_sec) == (None, 3723.5)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("stereo", 2), ("2 channels", 2), ("2 channels (FL+FR)", 2),
     ("1 channels (LFE)", 1), ("downmix", 2), ("2.1", None), ("5.1(side)", None),
     ("8 channels", 8), ("ambisonic 1", None)],
)  # fmt: skip
def test_layouts(layout, channels):
    source = parse_banner(OLD.replace("44100 Hz, stereo", f"44100 Hz, {layout}"))
    assert source is not None
    assert source.channels == channels


def test_nothing_to_decode():
    assert parse_banner("") is None
    assert parse_banner("Input #0, mp3, from 'x':\n  Duration: N/A\n") is None
    unknown = parse_banner(OLD.replace("mp3, 44100 Hz, stereo", "mp3, 0 channels"))
    assert unknown is not None
    assert (unknown.rate_hz, unknown.channels) == (None, None)


def test_last_error_is_the_cause_and_not_its_echo():
    log = (
        "[in#0 @ 0x1] [error] moov atom not found\n"
        "[in#0 @ 0x1] [error] Error opening input: Invalid data\n"
        "[error] Error opening input file file:/x/a.m4a.\n"
        "[fatal] Error opening input files: Invalid data\n"
    )
    assert last_error(log) == "moov atom not found"
    assert last_error("[info] fine\n") == ""
