"""One clock: the same sound has the same times in every container."""

from pathlib import Path

import pytest

from aligner.audio import decode_audio
from aligner.container_delay import late_samples
from aligner.ffmpeg_banner import parse_banner
from aligner.ffmpeg_stream import run_ffmpeg
from tests.aligner.sounds import bursts, encode, lag_msec, write_wav

LOSSY = {
    "mp3 with a tag": ("a.mp3", "-b:a 48k"),
    "mp3 with a tag, variable": ("v.mp3", "-q:a 5"),
    "mp3 without a tag": ("b.mp3", "-b:a 48k -write_xing 0"),
    "mp3 without any header": ("c.mp3", "-b:a 48k -write_xing 0 -id3v2_version 0"),
    "m4a": ("d.m4a", "-c:a aac"),
    "m4a, index first": ("e.m4a", "-c:a aac -movflags faststart"),
    "adts": ("f.aac", "-c:a aac"),
}
OTHERS = {
    "flac": ("a.flac", ""),
    "wav, 24 bit": ("a.wav", "-c:a pcm_s24le"),
    "vorbis": ("a.ogg", "-c:a libvorbis"),
    "opus": ("b.opus", "-c:a libopus"),
    "opus in webm": ("c.webm", "-c:a libopus"),
    "mp2": ("d.mp2", "-c:a mp2"),
    "mp3 in wav": ("e.wav", "-c:a libmp3lame"),
    "mp3 in matroska": ("f.mka", "-c:a libmp3lame"),
    "mp3 in mp4": ("g.mp4", "-c:a libmp3lame"),
    "aac in matroska": ("h.mka", "-c:a aac"),
    "fragments, no edit": ("i.mp4", "-c:a aac -movflags frag_keyframe+empty_moov"),
    "fragments with an edit": ("j.mp4", "-c:a aac -movflags frag_keyframe+delay_moov"),
    "alac": ("k.m4a", "-c:a alac"),
    "aiff": ("l.aiff", ""),
    "w64": ("m.w64", ""),
    "au": ("n.au", ""),
    "wavpack": ("o.wv", ""),
}
RATES_HZ = (16_000, 22_050, 24_000, 44_100, 48_000)


@pytest.fixture(scope="module")
def wavs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("clock")
    return {
        rate_hz: write_wav(folder / f"{rate_hz}.wav", bursts(rate_hz), rate_hz)
        for rate_hz in (8_000, 32_000, *RATES_HZ)
    }


def lag_after(wav: Path, name: str, options: str, folder: Path, piped=False) -> float:
    encoded = encode(wav, folder / name, *options.split(), piped=piped)
    return lag_msec(decode_audio(wav), decode_audio(encoded))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_containers_keep_time_at_every_rate(kind, rate_hz, wavs, tmp_path):
    assert abs(lag_after(wavs[rate_hz], *LOSSY[kind], tmp_path)) <= 0.5


@pytest.mark.parametrize("kind", OTHERS)
def test_other_containers_keep_time(kind, wavs, tmp_path):
    assert abs(lag_after(wavs[48_000], *OTHERS[kind], tmp_path)) <= 0.5


@pytest.mark.parametrize("options", ["-f mp3", "-f adts -c:a aac", "-f flac"])
def test_files_written_to_a_pipe_keep_time(options, wavs, tmp_path):
    assert abs(lag_after(wavs[44_100], "piped", options, tmp_path, piped=True)) <= 0.5


def test_stereo_mp3_keeps_time(wavs, tmp_path):
    for rate_hz in (24_000, 44_100):
        lag = lag_after(wavs[rate_hz], "s.mp3", "-ac 2 -write_xing 0", tmp_path)
        assert abs(lag) <= 0.5


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 32_000, 44_100, 48_000])
def test_resampling_does_not_shift(rate_hz, wavs):
    resampled = decode_audio(wavs[rate_hz])
    assert abs(lag_msec(decode_audio(wavs[16_000]), resampled)) <= 1 / 16
    assert len(resampled) == 4 * 16_000


@pytest.mark.parametrize(
    ("name", "options", "late"),
    [
        ("a.mp3", "", 0),
        ("b.mp3", "-write_xing 0", 1105),
        ("c.mp2", "", 481),
        ("d.aac", "", 1024),
        ("e.m4a", "", 0),
        ("f.mp4", "-c:a aac -movflags frag_keyframe+empty_moov", 1024),
        ("g.flac", "", 0),
    ],
)
def test_late_samples_follow_what_the_container_states(
    name, options, late, wavs, tmp_path
):
    encoded = encode(wavs[44_100], tmp_path / name, *options.split())
    source = parse_banner(
        run_ffmpeg(encoded, expected_samples=lambda _: 0, max_samples=10**6).log
    )
    assert source is not None
    assert late_samples(encoded, source) == late
