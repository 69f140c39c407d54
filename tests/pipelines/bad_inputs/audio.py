"""Files that are no audio, audio that breaks off, lies, or says nothing."""

import bz2
import gzip
import io
import os
import random
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from aligner.ffmpeg import ffmpeg_program
from tests.aligner.sounds import bursts
from tests.pipelines.bad_inputs.kinds import Bad, unreadable

RATE_HZ = 16_000
SOUND = bursts(RATE_HZ, 2.0)
NOISE = random.Random(5).randbytes(30_000)


def packed(samples: np.ndarray, form: str, subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE_HZ, subtype=subtype, format=form)
    return buffer.getvalue()


def encoded(wav: bytes, *options: str) -> bytes:
    """Convert by ffmpeg to what its options say."""
    command = [ffmpeg_program(), "-nostdin", "-v", "error", "-y", "-i", "-", *options]
    return subprocess.run(
        [*command, "-"], check=True, input=wav, stdout=subprocess.PIPE
    ).stdout


def moving_pictures() -> bytes:
    """Return a film without sound."""
    command = [ffmpeg_program(), "-nostdin", "-v", "error", "-f", "lavfi", "-i"]
    command += ["color=size=16x16:duration=0.2:rate=5", "-c:v", "mpeg4"]
    command += ["-f", "matroska", "-"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def wav(
    data: bytes = b"\1\2" * RATE_HZ,
    *,
    codec: int = 1,
    channels: int = 1,
    rate_hz: int = RATE_HZ,
    bits: int = 16,
    data_bytes: int | None = None,
) -> bytes:
    """Return a WAV file whose header says what it likes."""
    frame = max(channels * bits // 8, 1)
    form = struct.pack(
        "<HHIIHH", codec, channels, rate_hz, rate_hz * frame & 0xFFFFFFFF, frame, bits
    )
    size = len(data) if data_bytes is None else data_bytes
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body


def no_audio() -> list[Bad]:
    """Return files of other kinds under the name of a recording."""
    good = packed(SOUND, "WAV")
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr("chapter.wav", good)
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        member = tarfile.TarInfo("chapter.wav")
        member.size = len(good)
        tar.addfile(member, io.BytesIO(good))
    page = b"<!DOCTYPE html><html><title>404</title>gone</html>\n" * 40
    return [
        unreadable("empty-file", b"", reason="audio_empty"),
        unreadable("one-byte", b"\0"),
        unreadable("web-page", page),
        unreadable("web-page-with-mark", b"\xef\xbb\xbf" + page),
        unreadable("web-page-after-blank-lines", b"\r\n\r\n  " + page),
        unreadable("error-of-a-bucket", b'<?xml version="1.0"?><Error>no</Error>'),
        unreadable("json-error", b'{"error": "rate limit exceeded"}'),
        unreadable(
            "pointer-of-git-lfs", b"version https://git-lfs.example/v1\nsize 9\n"
        ),
        unreadable("document", b"%PDF-1.7\n" + NOISE[:3000]),
        unreadable("picture-png", b"\x89PNG\r\n\x1a\n" + NOISE[:3000]),
        unreadable("picture-jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(3000)),
        unreadable("picture-gif", b"GIF89a\1\0\1\0" + bytes(300)),
        unreadable("film-without-sound", moving_pictures(), "mkv"),
        unreadable("zip-archive", inside.getvalue(), "zip"),
        unreadable("gzip-archive", gzip.compress(good), "wav"),
        unreadable("bzip2-archive", bz2.compress(good), "wav"),
        unreadable("tar-archive", tarred.getvalue(), "wav"),
        unreadable("words", b"just words, again and again. " * 99),
        unreadable("playlist-m3u", b"#EXTM3U\nshort.wav\n", "m3u"),
        unreadable(
            "playlist-hls",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nshort.wav\n#EXT-X-ENDLIST\n",
            "m3u8",
        ),
        unreadable("playlist-concat", b"ffconcat version 1.0\nfile short.wav\n", "txt"),
        unreadable("playlist-pls", b"[playlist]\nFile1=short.wav\n", "pls"),
        unreadable("stream-description", b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "sdp"),
        unreadable(
            "midi", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "mid"
        ),
        unreadable("program", b"\x7fELF\2\1\1" + bytes(2000), "mp3"),
        unreadable("database", b"SQLite format 3\0" + bytes(2000), "mp3"),
        unreadable("encrypted", b"Salted__" + NOISE, "bin"),
        unreadable("zeros", bytes(40_000), "mp3"),
        unreadable("subtitles", b"1\n00:00:01,000 --> 00:00:02,000\nmaji\n", "srt"),
    ]


def headers_alone() -> list[Bad]:
    """Return containers that end where the audio would begin."""
    au = struct.pack(">4s5I", b".snd", 24, 8, 3, RATE_HZ, 1)
    aiff = packed(SOUND, "AIFF")
    flac = packed(SOUND, "FLAC")
    asf = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    m4a_start = struct.pack(">I4s4sI4s", 20, b"ftyp", b"M4A ", 0, b"isom")
    return [
        unreadable("riff-alone", b"RIFF\x24\0\0\0WAVE", "wav"),
        unreadable("riff-without-data", wav()[:36], "wav"),
        unreadable("wav-without-samples", wav(b""), "wav", reason="audio_empty"),
        unreadable("flac-without-samples", packed(SOUND[:0], "FLAC"), "flac",
                   reason="audio_empty"),
        unreadable("flac-magic-alone", b"fLaC", "flac"),
        unreadable("flac-header-destroyed", b"fLaC" + NOISE[:2000], "flac"),
        unreadable("flac-header-zeroed", flac[:8] + bytes(34) + flac[42:], "flac",
                   reason="audio_format_absurd"),
        unreadable("ogg-page-alone", packed(SOUND, "OGG")[:58], "ogg"),
        unreadable("ogg-magic-alone", b"OggS" + bytes(40), "ogg"),
        unreadable("mp3-tag-alone", b"ID3\4\0\0\0\0\0\x0a" + bytes(10), "mp3"),
        unreadable("mp3-tag-of-256-MB", b"ID3\4\0\0" + b"\x7f" * 4, "mp3"),
        unreadable("m4a-start-alone", m4a_start, "m4a", reason="audio_truncated"),
        unreadable("matroska-alone", b"\x1aE\xdf\xa3\x84\x42\x86\x81\1", "mka"),
        unreadable("asf-alone", asf, "wma"),
        unreadable("amr-alone", b"#!AMR\n", "amr", reason="audio_empty"),
        unreadable("caf-alone", b"caff\0\1\0\0desc" + bytes(8), "caf"),
        unreadable("au-without-samples", au, "au", reason="audio_empty"),
        unreadable("aiff-alone", aiff[:12], "aiff"),
    ]  # fmt: skip


def broken_off() -> list[Bad]:
    """Return recordings that end before the length that they promise."""
    good = packed(np.tile(SOUND, 4), "WAV")
    forms = {
        "wav": good,
        "flac": packed(np.tile(SOUND, 4), "FLAC"),
        "ogg": packed(np.tile(SOUND, 4), "OGG"),
        "aiff": packed(np.tile(SOUND, 4), "AIFF"),
        "mp3": encoded(good, "-f", "mp3", "-b:a", "64k", "-write_xing", "1"),
        "mka": encoded(good, "-f", "matroska", "-c:a", "flac"),
    }
    bads = [
        unreadable(
            f"broken-off-{form}",
            data[: len(data) * 3 // 5],
            form,
            reason="audio_truncated",
        )
        for form, data in forms.items()
        # What ffmpeg writes to a pipe has no length in its header.
        if form not in ("mp3", "mka")
    ]
    bads.append(
        unreadable("claims-more-than-there-is", wav(data_bytes=10**6), "wav",
                   reason="audio_truncated")
    )  # fmt: skip
    return bads


def absurd() -> list[Bad]:
    """Return formats that no recording of a reader has."""
    many = np.stack([SOUND] * 8, 1)
    kinds = {
        "eight-channels": packed(many, "WAV"),
        "six-channels": packed(many[:, :6], "FLAC"),
        "no-channels": wav(channels=0),
        "three-channels": packed(many[:, :3], "WAV"),
        "rate-of-3-MHz": wav(rate_hz=3_000_000),
        "rate-of-1-kHz": wav(rate_hz=1_000),
        "longer-than-allowed": wav(bytes(4_000 * 400), rate_hz=4_000, bits=8),
        "unit-of-16-bits": packed(SOUND * 32_768, "WAV", "FLOAT"),
        "sample-of-1e30": packed(np.where(SOUND > 0.2, 1e30, SOUND), "WAV", "DOUBLE"),
    }
    bads = [
        unreadable(name, data, "wav", reason="audio_format_absurd")
        for name, data in kinds.items()
    ]
    for name, data in {
        "no-rate": wav(rate_hz=0),
        "unknown-codec": wav(codec=0x9999),
        "codec-of-nothing": wav(codec=0),
    }.items():
        bads.append(unreadable(name, data, "wav"))
    return bads


def nothing_to_hear() -> list[Bad]:
    """Return sound that is none, and numbers that are none."""
    silence = 0 * SOUND
    dither = np.where(np.arange(len(SOUND)) % 2, 1, -1) / 32_768
    holes = {
        "one-nan": np.where(np.arange(len(SOUND)) == 9_000, np.nan, SOUND),
        "all-nan": silence + np.nan,
        "infinite": np.where(np.arange(len(SOUND)) == 9_000, np.inf, SOUND),
        "minus-infinite": np.where(np.arange(len(SOUND)) == 9_000, -np.inf, SOUND),
    }
    silent = {
        "silence": packed(silence, "WAV"),
        "silence-mp3": packed(silence, "MP3"),
        "offset-alone": packed(silence + 0.3, "WAV"),
        "last-bit-alone": packed(dither, "WAV"),
        "channels-cancel-out": packed(np.stack([SOUND, -SOUND], 1), "WAV", "FLOAT"),
    }
    return [
        *(unreadable(name, packed(data, "WAV", "FLOAT"), "wav",
                     reason="audio_not_finite")
          for name, data in holes.items()),
        *(unreadable(name, data, "wav", reason="audio_silent")
          for name, data in silent.items()),
        Bad(name="silence-without-text", stage="speech", reason="audio_silent",
            audio=packed(silence, "WAV"), cells={"text": ""}),
        Bad(name="no-audio-and-no-text", stage="speech", reason="audio_unreadable",
            audio=b"just words " * 99, cells={"text": ""}),
        Bad(name="nobody-speaks", stage="speech", reason="no_speech",
            audio=packed(SOUND / 3, "WAV"), cells={"text": ""}),
        unreadable("five-milliseconds", packed(SOUND[5_000:5_080], "WAV"), "wav",
                   reason="alignment_infeasible"),
    ]  # fmt: skip


def places(folder: Path) -> list[Bad]:
    """Return what lies at a path and is no file; made below the folder."""
    audio = folder / "audio"
    (audio / "a-folder.wav").mkdir()
    (audio / "to-itself.wav").symlink_to("to-itself.wav")
    (audio / "to-nothing.wav").symlink_to("to-nothing-there.wav")
    (audio / "out-by-link.wav").symlink_to("/etc/hostname")
    os.mkfifo(audio / "a-pipe.wav")
    with (audio / "too-large.wav").open("wb") as file:
        file.truncate(2**25 + 1)

    def bad(name: str, reason: str, stage: str = "fetch") -> Bad:
        cells = {"audio": f"audio/{name}.wav"}
        return Bad(name=name, stage=stage, reason=reason, cells=cells)

    return [
        bad("a-folder", "source_missing"),
        bad("to-itself", "fetch_failed"),
        bad("to-nothing", "source_missing"),
        bad("out-by-link", "source_refused", "manifest"),
        bad("a-pipe", "source_refused"),
        bad("too-large", "source_too_large"),
        bad("not-there", "source_missing"),
        Bad(name="below-a-file", stage="fetch", reason="source_missing",
            cells={"audio": "audio/short.wav/below.wav"}),
        Bad(name="name-too-long", stage="fetch", reason="fetch_failed",
            cells={"audio": f"audio/{'x' * 300}.wav"}),
    ]  # fmt: skip


def bad_audio(folder: Path) -> list[Bad]:
    return [
        *no_audio(),
        *headers_alone(),
        *broken_off(),
        *absurd(),
        *nothing_to_hear(),
        *places(folder),
    ]
