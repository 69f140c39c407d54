"""Synthetic chapters as files: audio in many containers, text in many formats."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aligner.ffmpeg import ffmpeg_program
from pipelines.synth.speech import MASTER_RATE_HZ
from schemas.errors import ConfigError, PericopeError
from schemas.source import TextFormat, Verse

# What ffmpeg is told for each kind of file; "mp3-untagged" has no Xing/LAME header, so
# a decoder cannot know its delay.
_CODECS: dict[str, tuple[str, list[str]]] = {
    "wav": (".wav", ["-c:a", "pcm_s16le"]),
    "flac": (".flac", ["-c:a", "flac"]),
    "ogg": (".ogg", ["-c:a", "libvorbis", "-q:a", "3"]),
    "opus": (".opus", ["-c:a", "libopus", "-b:a", "32k"]),
    "mp3": (".mp3", ["-c:a", "libmp3lame", "-b:a", "48k"]),
    "mp3-untagged": (".mp3", ["-c:a", "libmp3lame", "-b:a", "48k", "-write_xing", "0"]),
    "m4a": (".m4a", ["-c:a", "aac", "-b:a", "64k"]),
    "aac": (".aac", ["-c:a", "aac", "-b:a", "64k", "-f", "adts"]),
}
AUDIO_FORMATS = tuple(_CODECS)
_OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
_MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES_HZ = (*_MP3_RATES_HZ, 64_000, 88_200, 96_000)
_RATES_HZ = {
    "opus": _OPUS_RATES_HZ,
    "mp3": _MP3_RATES_HZ,
    "mp3-untagged": _MP3_RATES_HZ,
    "m4a": _AAC_RATES_HZ,
    "aac": _AAC_RATES_HZ,
}
# Any rate between these will do for the others.
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 4_000, 192_000
# What would be read back as something else.
_MARKUP = {
    TextFormat.PLAIN: re.compile(r"[\n\r]"),
    TextFormat.TSV: re.compile(r"[\n\r\t]"),
    TextFormat.VPL: re.compile(r"[\n\r]"),
    TextFormat.USFM: re.compile(r"[\\~\n\r\t\v\f]|//|\s\s"),
    TextFormat.USX: re.compile(r"[\x00-\x1f]|\s\s"),
}
_ENDINGS = {
    TextFormat.PLAIN: ".txt",
    TextFormat.TSV: ".tsv",
    TextFormat.VPL: ".vpl",
    TextFormat.USFM: ".usfm",
    TextFormat.USX: ".usx",
}


@dataclass(frozen=True, kw_only=True)
class AudioFileOptions:
    """Container, rate and channels of the audio that is written.

    Raises:
      ConfigError: no such format, or it has no such rate or number of channels.
    """

    format: str = "mp3"
    """One of ``AUDIO_FORMATS``."""
    rate_hz: int = 22_050
    channels: int = 1
    """1, or 2 with the same sound in both."""
    bitrate: str = ""
    """As ffmpeg writes it (24k); "" takes the format's own. Not of wav, flac, ogg."""

    def __post_init__(self) -> None:
        if self.format not in _CODECS:
            raise ConfigError(
                f"audio format: expected one of {', '.join(_CODECS)}, "
                f"got {self.format!r}"
            )
        self._check_rate()
        if self.channels not in (1, 2):
            raise ConfigError(f"channels: expected 1 or 2, got {self.channels}")

    def _check_rate(self) -> None:
        known = _RATES_HZ.get(self.format)
        if known is not None and self.rate_hz not in known:
            raise ConfigError(
                f"rate of {self.format}: expected one of {', '.join(map(str, known))} "
                f"Hz, got {self.rate_hz}"
            )
        if not _LOWEST_RATE_HZ <= self.rate_hz <= _HIGHEST_RATE_HZ:
            raise ConfigError(
                f"rate of {self.format}: expected {_LOWEST_RATE_HZ} to "
                f"{_HIGHEST_RATE_HZ} Hz, got {self.rate_hz}"
            )

    @property
    def suffix(self) -> str:
        """The file's ending."""
        return _CODECS[self.format][0]


def write_audio(
    samples_N: npt.NDArray[np.float32], path: Path, options: AudioFileOptions
) -> None:
    """Encode samples (N,), full scale 1, at ``MASTER_RATE_HZ`` into a file.

    Equal samples give equal bytes.

    Raises:
      PericopeError: ffmpeg failed; the message is its own.
    """
    codec = _CODECS[options.format][1]
    if options.bitrate and "-b:a" in codec:
        codec = [*codec, "-b:a", options.bitrate]
    command = [
        ffmpeg_program(), "-nostdin", "-v", "error", "-y",
        "-f", "f32le", "-ar", str(MASTER_RATE_HZ), "-ac", "1", "-i", "pipe:0",
        "-ar", str(options.rate_hz), "-ac", str(options.channels),
        "-bitexact", "-map_metadata", "-1", *codec, str(path),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        input=samples_N.astype("<f4").tobytes(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise PericopeError(f"ffmpeg could not write {path.name}: {message}")


def text_suffix(text_format: TextFormat) -> str:
    """Return the usual ending of a text format."""
    return _ENDINGS[text_format]


def write_text(
    verses: Iterable[Verse],
    path: Path,
    text_format: TextFormat,
    book: str,
    chapter: int,
) -> None:
    """Write a chapter's verses in a text format, UTF-8.

    Raises:
      ConfigError: a verse has what the format takes for markup.
    """
    verses = list(verses)
    for verse in verses:
        markup = _MARKUP[text_format].search(verse.text)
        if markup is not None:
            raise ConfigError(
                f"verse {verse.number}: expected text that {text_format} can hold, got "
                f"{markup[0]!r}; choose another text format"
            )
    writer = {
        TextFormat.PLAIN: _plain,
        TextFormat.TSV: _tsv,
        TextFormat.VPL: _vpl,
        TextFormat.USFM: _usfm,
        TextFormat.USX: _usx,
    }[text_format]
    path.write_text(writer(verses, book, chapter), encoding="utf-8")


def _plain(verses: list[Verse], book: str, chapter: int) -> str:
    return "".join(f"{verse.text}\n" for verse in verses)


def _tsv(verses: list[Verse], book: str, chapter: int) -> str:
    return "".join(f"{verse.number}\t{verse.text}\n" for verse in verses)


def _vpl(verses: list[Verse], book: str, chapter: int) -> str:
    return "".join(f"{book} {chapter}:{v.number} {v.text}\n" for v in verses)


def _usfm(verses: list[Verse], book: str, chapter: int) -> str:
    lines = "".join(f"\\v {verse.number} {verse.text}\n" for verse in verses)
    return f"\\id {book}\n\\c {chapter}\n\\p\n{lines}"


def _usx(verses: list[Verse], book: str, chapter: int) -> str:
    from xml.sax.saxutils import escape

    lines = "".join(
        f'    <verse number="{v.number}" style="v" sid="{book} {chapter}:{v.number}"/>'
        f'{escape(v.text)}<verse eid="{book} {chapter}:{v.number}"/>\n'
        for v in verses
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<usx version="3.0">\n'
        f'  <book code="{book}" style="id"/>\n'
        f'  <chapter number="{chapter}" style="c" sid="{book} {chapter}"/>\n'
        f'  <para style="p">\n{lines}  </para>\n'
        f'  <chapter eid="{book} {chapter}"/>\n</usx>\n'
    )
