"""Files cut anywhere: caught wherever the container promises a length or an end."""

import shutil
import struct
from pathlib import Path

import pytest

from aligner.audio import decode_audio
from schemas.errors import AudioTruncated, AudioUnreadable
from tests.aligner.sounds import bursts, cut, encode, write_wav

PROMISING = {
    "tagged.mp3": "-b:a 48k",
    "variable.mp3": "-q:a 4",
    "a.wav": "-c:a pcm_s16le",
    "adpcm.wav": "-c:a adpcm_ms",
    "big.wav": "-rf64 always",
    "a.flac": "",
    "a.aiff": "",
    "a.au": "",
    "a.w64": "",
    "a.caf": "-c:a pcm_s16be",
    "first.m4a": "-c:a aac -movflags faststart",
    "last.m4a": "-c:a aac",
    "a.mka": "-c:a libopus",
    "a.ogg": "-c:a libvorbis",
    "a.opus": "-c:a libopus",
    "a.wv": "",
}
SILENT_ABOUT_LENGTH = {"plain.mp3": "-b:a 48k -write_xing 0", "a.aac": "-c:a aac"}
SECONDS = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    wav = write_wav(folder / "source.wav", bursts(24_000, SECONDS), 24_000)
    return {
        name: encode(wav, folder / name, *options.split())
        for name, options in (PROMISING | SILENT_ABOUT_LENGTH).items()
    }


@pytest.mark.parametrize("name", PROMISING | SILENT_ABOUT_LENGTH)
def test_whole_files_pass(name, files):
    assert abs(len(decode_audio(files[name])) / 16_000 - SECONDS) < 0.15


@pytest.mark.parametrize("share", [0.3, 0.71, 0.93])
@pytest.mark.parametrize("name", PROMISING)
def test_cut_files_are_refused(name, share, files):
    with pytest.raises(
        AudioTruncated,
        match=r"cut_.*(promises|ends early|no end mark|incomplete|index)",
    ):
        decode_audio(cut(files[name], share))


@pytest.mark.parametrize("name", SILENT_ABOUT_LENGTH)
def test_files_without_a_promise_are_only_shorter(name, files):
    """Their last frame is incomplete, as in many whole files: that proves nothing."""
    half = decode_audio(cut(files[name], 0.5))
    assert 0.4 * SECONDS < len(half) / 16_000 < 0.6 * SECONDS


@pytest.mark.parametrize("options", ["-f wav", "-f flac", "-f mp3"])
def test_lengths_that_a_pipe_left_open_promise_nothing(options, files, tmp_path):
    piped = encode(files["a.wav"], tmp_path / "p", *options.split(), piped=True)
    assert abs(len(decode_audio(piped)) / 16_000 - SECONDS) < 0.15


def test_an_mp4_that_stops_inside_a_fragment(files, tmp_path):
    movie = encode(
        files["first.m4a"], tmp_path / "f.mp4",
        *"-c copy -movflags frag_keyframe+empty_moov -frag_duration 1000000".split(),
    )  # fmt: skip
    assert abs(len(decode_audio(movie)) / 16_000 - SECONDS) < 0.15
    octets = movie.read_bytes()
    movie.write_bytes(octets[: octets.rindex(b"mdat") + 100])
    with pytest.raises(AudioTruncated, match=r"promises|ends early"):
        decode_audio(movie)


def test_an_ogg_file_without_its_last_page(files):
    """Cut between two pages: every page is whole, but none ends the stream."""
    octets = files["a.ogg"].read_bytes()
    stopped = files["a.ogg"].with_name("stopped.ogg")
    stopped.write_bytes(octets[: octets.rindex(b"OggS")])
    with pytest.raises(AudioTruncated, match="no end mark"):
        decode_audio(stopped)


def test_bytes_after_the_end_do_no_harm(files, tmp_path):
    for name in ("a.ogg", "a.wav", "tagged.mp3", "a.flac"):
        longer = tmp_path / name
        longer.write_bytes(files[name].read_bytes() + b"TAG" + bytes(125))
        assert abs(len(decode_audio(longer)) / 16_000 - SECONDS) < 0.15


def test_wav_with_other_chunks_before_its_data(files, tmp_path):
    octets = files["a.wav"].read_bytes()
    start = octets.index(b"data")
    extra = b"junk" + struct.pack("<I", 33) + bytes(34)  # odd sizes are padded
    whole, short = tmp_path / "whole.wav", tmp_path / "short.wav"
    whole.write_bytes(octets[:start] + extra + octets[start:])
    short.write_bytes(octets[:start] + extra + octets[start : len(octets) // 2])
    assert len(decode_audio(whole)) == SECONDS * 16_000
    with pytest.raises(AudioTruncated, match=r"promises 12\.00 s"):
        decode_audio(short)


def test_a_video_longer_than_its_sound_is_no_truncation(files, tmp_path):
    film = encode(
        files["first.m4a"], tmp_path / "film.mp4",
        "-f", "lavfi", "-i", f"color=red:s=32x32:r=5:d={SECONDS + 5}",
        "-map", "0:a", "-map", "1:v", "-c:a", "copy",
    )  # fmt: skip
    assert abs(len(decode_audio(film)) / 16_000 - SECONDS) < 0.15


def test_damage_in_the_middle_of_a_flac(files, tmp_path):
    octets = bytearray(files["a.flac"].read_bytes())
    third = len(octets) // 3
    octets[third : 2 * third] = bytes(third)
    damaged = tmp_path / "damaged.flac"
    damaged.write_bytes(octets)
    with pytest.raises((AudioTruncated, AudioUnreadable)):
        decode_audio(damaged)
    shutil.copy(files["a.flac"], damaged)
    assert len(decode_audio(damaged)) == SECONDS * 16_000
