"""Reads what ffmpeg says about a file: its container, codec, rate and channels."""

import re
from dataclasses import dataclass

_INPUT = re.compile(r"^(?:\[info\] )?Input #0, (?P<container>\S+), from '", re.M)
_DURATION = re.compile(
    r"^(?:\[info\] )?  Duration: (?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>[\d.]+)"
    r"(?:, start: (?P<start>-?[\d.]+))?",
    re.M,
)
# Two spaces of indent: lines of metadata, which are the file's own words, have four.
_STREAM = re.compile(
    r"^(?:\[info\] )?  Stream #0:(?P<index>\d+)[^:\n]*: (?P<kind>\w+): "
    r"(?P<codec>\w+)(?P<rest>[^\n]*)",
    re.M,
)
_RATE_AND_LAYOUT = re.compile(r", (?P<rate>\d+) Hz, (?P<layout>[^,]+)")
_NUMBERED = re.compile(r"(\d+) channels")
_CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "binaural": 2}
_ERROR = re.compile(r"\[(?:error|fatal)\] (?P<text>.*)$", re.M)


@dataclass(frozen=True, kw_only=True)
class SourceFormat:
    """The first audio stream of a file, as ffmpeg describes it."""

    container: str
    """Demuxer, e.g. "mp3" or "mov,mp4,m4a,3gp,3g2,mj2"."""
    codec: str
    rate_hz: int | None
    """None if ffmpeg could not tell, and then there is nothing to decode."""
    layout: str
    channels: int | None
    """None for a named layout of more than two channels, such as "5.1"."""
    start_sec: float
    """Time of the first sample kept: an MP3's encoder delay, if its header tells it."""
    duration_sec: float | None
    """As the header states it; None if nothing is stated or it is an estimate."""
    estimated_sec: float
    """The duration whether it is stated or estimated; 0 if there is none."""
    audio_only: bool
    """No stream but this one and still pictures: the duration is this stream's own."""


def parse_banner(log: str) -> SourceFormat | None:
    """Return the source's format, or None if ffmpeg found no audio stream.

    Args:
        log: standard error of ffmpeg at log level ``info``, with or without the
            ``[level]`` prefixes.
    """
    opened = _INPUT.search(log)
    if opened is None:
        return None
    about_input = log[opened.start() :].split("Stream mapping:", 1)[0]
    streams = list(_STREAM.finditer(about_input))
    audio = [found for found in streams if found["kind"] == "Audio"]
    if not audio:
        return None
    details = _RATE_AND_LAYOUT.search(audio[0]["rest"])
    layout = details["layout"].strip() if details else "unknown"
    duration = _DURATION.search(about_input)
    estimated_sec = _seconds(duration) if duration else 0.0
    stated = duration is not None and "Estimating duration from bitrate" not in log
    return SourceFormat(
        container=opened["container"],
        codec=audio[0]["codec"],
        rate_hz=int(details["rate"]) if details else None,
        layout=layout,
        channels=_channels(layout),
        start_sec=float(duration["start"] or 0) if duration else 0.0,
        duration_sec=estimated_sec if stated else None,
        estimated_sec=estimated_sec,
        audio_only=all(
            found is audio[0] or "(attached pic)" in found["rest"] for found in streams
        ),
    )


def last_error(log: str) -> str:
    """Return ffmpeg's most telling error line, without its prefixes; "" if none."""
    errors = [found["text"] for found in _ERROR.finditer(log)]
    # The last lines only repeat, file name and all, that the input could not be opened.
    telling = [text for text in errors if not text.startswith("Error opening input")]
    return (telling or errors or [""])[-1]


def _seconds(duration: re.Match[str]) -> float:
    return (
        int(duration["hours"]) * 3600
        + int(duration["minutes"]) * 60
        + float(duration["seconds"])
    )


def _channels(layout: str) -> int | None:
    numbered = _NUMBERED.match(layout)
    if numbered is not None:
        return int(numbered[1])
    return _CHANNELS.get(layout)
