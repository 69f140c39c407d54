"""How long a recording is, by its header alone: nothing is decoded."""

import os
import subprocess
from pathlib import Path

from aligner.ffmpeg import ffmpeg_program
from aligner.ffmpeg_banner import parse_banner
from aligner.ffmpeg_stream import FORMATS

_PATIENCE_SEC = 30.0  # a header takes milliseconds


def header_duration_sec(path: str | Path) -> float | None:
    """Return the duration that a header states, or ffmpeg's estimate from the bitrate.

    Args:
      path: a local file.

    Returns:
      Seconds; None if it is no audio, or nothing can be said without decoding it.

    Raises:
      ConfigError: there is no ffmpeg program.
    """
    command = [
        ffmpeg_program(),
        *("-nostdin", "-hide_banner", "-protocol_whitelist", "file"),
        *("-format_whitelist", FORMATS, "-i", "file:" + os.path.abspath(path)),
    ]
    try:
        told = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_SEC, check=False
        ).stderr
    except subprocess.TimeoutExpired:
        return None
    source = parse_banner(told.decode(errors="replace"))
    return source.estimated_sec or None if source is not None else None
