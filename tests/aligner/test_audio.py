"""Decoding: what comes out of good files, and the reason each bad one is refused."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aligner.audio import decode_audio
from aligner.ffmpeg import ffmpeg_program
from schemas.errors import (
    AudioEmpty,
    AudioFormatAbsurd,
    AudioNotFinite,
    AudioSilent,
    AudioTruncated,
    AudioUnreadable,
    InputError,
    SourceMissing,
)
from tests.aligner.sounds import bursts, encode, write_wav

PAGE = b"<!DOCTYPE html>\n<html><title>404</title><p>nothing here</p></html>\n" * 40


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "speech.wav"
    return write_wav(path, bursts(16_000, 3.0), 16_000)


def test_a_wav_at_16_khz_comes_back_unchanged(wav):
    samples_N = decode_audio(str(wav))
    assert samples_N.dtype == np.float32
    assert samples_N.flags.c_contiguous
    np.testing.assert_allclose(samples_N, bursts(16_000, 3.0), atol=1 / 32_767)


def test_two_channels_are_averaged(tmp_path):
    left = bursts(16_000, 2.0)
    both = np.stack([left, np.zeros_like(left)], axis=1)
    mixed = decode_audio(write_wav(tmp_path / "s.wav", both, 16_000, "FLOAT"))
    np.testing.assert_allclose(mixed, left / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["s.wav", "s.mp3", "s.flac"])
def test_a_voice_on_both_channels_is_as_loud_as_on_one(name, wav, tmp_path):
    both = np.repeat(bursts(16_000, 3.0)[:, None], 2, axis=1)
    source = write_wav(tmp_path / "both.wav", both, 16_000)
    stereo = decode_audio(encode(source, tmp_path / name))
    # MP3 takes 4 % off by itself; a wrong mix would be 41 % off
    assert abs(np.std(stereo) / np.std(decode_audio(wav)) - 1) < 0.1


def test_length_is_that_of_the_audio_when_the_header_does_not_say(wav, tmp_path):
    """More than the first allocation, so that the array has to grow."""
    silence_and_sound = np.tile(bursts(8_000, 3.0), 60)
    source = write_wav(tmp_path / "long.wav", silence_and_sound, 8_000)
    piped = encode(source, tmp_path / "long.flac", "-f", "flac", piped=True)
    samples_N = decode_audio(piped)
    assert len(samples_N) == 180 * 16_000
    np.testing.assert_array_equal(samples_N, decode_audio(source))


def test_one_long_recording_is_held_once(tmp_path):
    samples_N = np.tile(bursts(8_000, 3.0), 400)  # 20 minutes, 77 MB when decoded
    path = write_wav(tmp_path / "long.wav", samples_N, 8_000)
    script = (
        "import resource, sys\n"
        "from aligner.audio import decode_audio\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "samples = decode_audio(sys.argv[1])\n"
        "print((peak() - before) / samples.nbytes)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=True, capture_output=True, text=True, cwd=root,
    )  # fmt: skip
    assert float(done.stdout) < 1.2


def test_cover_picture_and_hostile_metadata_do_not_matter(wav, tmp_path):
    picture = tmp_path / "cover.png"
    subprocess.run(
        [ffmpeg_program(), "-v", "error", "-f", "lavfi", "-i", "color=red:s=32x32",
         "-frames:v", "1", str(picture)],
        check=True,
    )  # fmt: skip
    album = encode(
        wav, tmp_path / "album.mp3", "-i", str(picture), "-map", "0", "-map", "1",
        "-metadata", "title=A\n  Stream #0:0: Audio: mp3, 5 Hz, 7.1",
        "-metadata", "artist=B\n  Duration: 99:00:00.00, start: 1.0",
        "-disposition:v", "attached_pic",
    )  # fmt: skip
    assert len(decode_audio(album)) == 3 * 16_000


@pytest.mark.parametrize(
    "name", ["-", "concat:a.wav", "http:x.wav", "%03d.wav", "a'b.wav", "ü\n.wav", "-i"]
)
def test_any_name_is_just_a_file(name, wav, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(wav, tmp_path / name)
    assert len(decode_audio(name)) == 3 * 16_000


def test_playlists_open_nothing(wav, tmp_path):
    shutil.copy(wav, tmp_path / "secret.wav")
    texts = {
        "list.m3u8": "#EXTM3U\n#EXTINF:3,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "list.mp3": "ffconcat version 1.0\nfile 'secret.wav'\n",
        "list.wav": "ffconcat version 1.0\nfile 'secret.wav'\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioUnreadable, match="begins with"):
            decode_audio(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.ogg", "a.m4a", "a.flac", "a"])
def test_a_web_page_is_named_as_such(name, tmp_path):
    (tmp_path / name).write_bytes(PAGE)
    with pytest.raises(AudioUnreadable, match=r"a web page .*<!DOCTYPE html"):
        decode_audio(tmp_path / name)


def test_other_files_that_are_not_audio(wav, tmp_path):
    mp3 = encode(wav, tmp_path / "inside.mp3")
    with zipfile.ZipFile(tmp_path / "z.mp3", "w") as archive:
        archive.write(mp3, "inside.mp3")
    (tmp_path / "t.mp3").write_text("A tale of two rivers.\n" * 300)
    (tmp_path / "zeros.mp3").write_bytes(bytes(50_000))
    (tmp_path / "header.wav").write_bytes(wav.read_bytes()[:30])
    for name in ("z.mp3", "t.mp3", "zeros.mp3", "header.wav"):
        with pytest.raises(AudioUnreadable, match="begins with"):
            decode_audio(tmp_path / name)
    with pytest.raises(AudioUnreadable, match="folder"):
        decode_audio(tmp_path)
    with pytest.raises(SourceMissing, match=r"nothing\.mp3"):
        decode_audio(tmp_path / "nothing.mp3")


def test_video_without_sound(tmp_path):
    path = tmp_path / "v.mp4"
    subprocess.run(
        [ffmpeg_program(), "-v", "error", "-f", "lavfi", "-i", "color=red:d=1:s=32x32",
         str(path)],
        check=True,
    )  # fmt: skip
    with pytest.raises(AudioUnreadable, match="no audio stream"):
        decode_audio(path)


def test_empty_files(wav, tmp_path):
    (tmp_path / "e.mp3").write_bytes(b"")
    write_wav(tmp_path / "e.wav", np.zeros(0, dtype=np.float32), 16_000)
    write_wav(tmp_path / "e.ogg", np.zeros(0, dtype=np.float32), 16_000, "VORBIS")
    for name in ("e.mp3", "e.wav", "e.ogg"):
        with pytest.raises(AudioEmpty):
            decode_audio(tmp_path / name)


@pytest.mark.parametrize("level", [0.0, 5e-5])
@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_silence(level, offset, tmp_path):
    path = tmp_path / "s.wav"
    write_wav(path, level * bursts(16_000) + offset, 16_000, "FLOAT")
    with pytest.raises(AudioSilent, match="-80 dBFS"):
        decode_audio(path)


def test_silence_in_an_mp3_and_channels_that_cancel(tmp_path):
    zeros = write_wav(tmp_path / "z.wav", np.zeros(32_000), 16_000)
    sound = bursts(16_000)
    opposed = np.stack([sound, -sound], axis=1)
    for path in (
        encode(zeros, tmp_path / "z.mp3"),
        write_wav(tmp_path / "o.wav", opposed, 16_000, "FLOAT"),
    ):
        with pytest.raises(AudioSilent):
            decode_audio(path)


def test_quiet_speech_is_not_silence(tmp_path):
    path = write_wav(tmp_path / "q.wav", 2e-3 * bursts(16_000), 16_000, "FLOAT")
    assert np.abs(decode_audio(path)).max() < 2e-3


@pytest.mark.parametrize("rate_hz", [1, 100, 3_999, 384_001, 768_000])
def test_absurd_rates(rate_hz, tmp_path):
    path = write_wav(tmp_path / "r.wav", bursts(16_000), rate_hz)
    with pytest.raises(AudioFormatAbsurd, match=f"got {rate_hz} Hz"):
        decode_audio(path)


@pytest.mark.parametrize("channels", [3, 6, 8, 11])
def test_too_many_channels(channels, tmp_path):
    samples = np.repeat(bursts(16_000, 1.0)[:, None], channels, axis=1)
    with pytest.raises(AudioFormatAbsurd, match="1 or 2 channels"):
        decode_audio(write_wav(tmp_path / "c.wav", samples, 16_000))


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(value, rate_hz, tmp_path):
    samples = bursts(rate_hz)
    samples[rate_hz] = value
    path = write_wav(tmp_path / "n.wav", samples, rate_hz, "FLOAT")
    with pytest.raises(AudioNotFinite, match=r"(0\.99|1\.00)\d s"):
        decode_audio(path)


def test_samples_in_another_unit(tmp_path):
    path = write_wav(tmp_path / "b.wav", 3e4 * bursts(16_000), 16_000, "FLOAT")
    with pytest.raises(AudioFormatAbsurd, match="full scale"):
        decode_audio(path)


def test_recordings_that_are_too_long(wav, tmp_path):
    piped = encode(wav, tmp_path / "p.flac", "-f", "flac", piped=True)
    for path in (wav, piped):
        with pytest.raises(AudioFormatAbsurd, match="max_hours"):
            decode_audio(path, max_hours=2 / 3600)
        assert len(decode_audio(path, max_hours=3 / 3600)) == 3 * 16_000


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    octets=st.binary(min_size=1, max_size=3000),
    head=st.sampled_from([b"", b"RIFF", b"ID3\x03\0\0\0\0\0\x0a", b"fLaC", b"OggS\0",
                          b"\xff\xfb\x90\x64", b"\0\0\0\x20ftypM4A "]),
    name=st.sampled_from(["f.mp3", "f.wav", "f.ogg", "f.m4a"]),
)  # fmt: skip
def test_noise_is_refused_and_never_crashes(octets, head, name, tmp_path):
    (tmp_path / name).write_bytes(head + octets)
    with pytest.raises(InputError, match=name):
        decode_audio(tmp_path / name)


def test_truncation_is_reported(wav, tmp_path):
    mp3 = encode(wav, tmp_path / "a.mp3")
    mp3.write_bytes(mp3.read_bytes()[: mp3.stat().st_size // 2])
    with pytest.raises(AudioTruncated, match=r"promises 3\.00 s"):
        decode_audio(mp3)
