"""Audio files at hand: how long they are, and what is told of those that are no use."""

import re
from pathlib import Path

import soundfile

from pipelines.languages import check_language
from pipelines.sources.source import STAGE, SourceRecording
from schemas.errors import InputError, LanguageUnknown, NameUnclear, SourceMissing
from schemas.segment import Reject
from schemas.source import Recording

_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def listed_local(recording: Recording) -> SourceRecording:
    """Return a recording at hand with its size and, if it is told, its length.

    Broken audio is listed as well: that is for the run to find, which decodes it.
    """
    path = Path(recording.audio)
    try:
        duration_sec = float(soundfile.info(path).duration)
    except soundfile.LibsndfileError:
        duration_sec = None  # of a kind that only ffmpeg reads
    return SourceRecording(
        recording=recording,
        audio_bytes=path.stat().st_size,
        duration_sec=duration_sec,
    )


def check_path(path: Path) -> None:
    """Refuse what is no file, and a path that a manifest cannot hold.

    Raises:
      NameUnclear: it has control characters or bytes that are no text.
      SourceMissing: it is a link to nothing, a pipe or a device.
    """
    if _UNWRITABLE.search(str(path)):
        raise NameUnclear(
            f"{str(path)!r}: expected a path without control characters and in the "
            "disk's own encoding; rename it"
        )
    if not path.is_file():
        raise SourceMissing(
            f"{path}: expected a file, got a link to nothing, a pipe or a device; "
            "remove it, or put the file there"
        )


def language_of(said: str, named: str, example: Path) -> str:
    """Return the language of a recording.

    Args:
      said: by the user, "" if nothing was.
      named: by a file name, "" if it does not.
      example: the file, for the message.

    Raises:
      LanguageUnknown: neither is a language of ISO 639-3.
    """
    try:
        return check_language(said or named)
    except LanguageUnknown as error:
        raise LanguageUnknown(
            f"{example}: {error}; name the language with --language"
        ) from error


def rejected(key: str, error: InputError, language: str = "") -> Reject:
    """Return the reject of something that a source has and nobody can use."""
    return Reject(
        stage=STAGE,
        key=key,
        reason=error.reason,
        message=str(error),
        language=language,
    )
