"""The ffmpeg process: found, fed, watched and ended."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligner.audio import decode_audio
from aligner.ffmpeg import ffmpeg_program
from aligner.ffmpeg_stream import run_ffmpeg
from schemas.errors import AudioFormatAbsurd, AudioUnreadable
from tests.aligner.sounds import bursts, write_wav


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "a.wav", bursts(16_000, 2.0), 16_000)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in front of PATH, for programs called ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    ffmpeg_program.cache_clear()
    yield folder
    ffmpeg_program.cache_clear()


def install(folder: Path, script: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


def test_the_program_on_path_is_preferred(wav, on_path, tmp_path):
    real = ffmpeg_program()
    ffmpeg_program.cache_clear()
    install(on_path, f'echo used >{tmp_path}/mark; exec {real} "$@"')
    assert len(decode_audio(wav)) == 32_000
    assert (tmp_path / "mark").read_text() == "used\n"


@pytest.mark.parametrize("first", ["", "printf abcdefgh;"])
def test_a_hanging_program_is_stopped(first, wav, on_path, tmp_path):
    install(on_path, f"echo $$ >{tmp_path}/pid; {first} exec sleep 60")
    with pytest.raises(AudioUnreadable, match=r"gave no audio for 0\.3 s"):
        run_ffmpeg(wav, expected_samples=lambda _: 0, max_samples=10**6, stall_sec=0.3)
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_an_endless_program_is_stopped(wav, on_path, tmp_path):
    install(on_path, f"echo $$ >{tmp_path}/pid; exec cat /dev/zero")
    with pytest.raises(AudioFormatAbsurd, match="max_hours"):
        decode_audio(wav, max_hours=0.01)
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_a_program_that_dies_is_no_audio(wav, on_path):
    install(on_path, "printf abcdefgh; kill -SEGV $$")
    with pytest.raises(AudioUnreadable):
        decode_audio(wav)


def test_a_refusal_ends_the_program_at_once(wav):
    def refuse(log: str) -> int:
        assert "Input #0, wav" in log
        raise AudioFormatAbsurd("stop")

    with pytest.raises(AudioFormatAbsurd, match="stop"):
        run_ffmpeg(wav, expected_samples=refuse, max_samples=10**6)


def test_expected_lengths_may_be_wrong(wav):
    for expected in (0, 1, 10**7):
        decoded = run_ffmpeg(
            wav, expected_samples=lambda _, n=expected: n, max_samples=10**8
        )
        assert len(decoded.samples_N) == 32_000
        assert decoded.exit_status == 0
