"""Every error that Pericope raises on purpose.

    PericopeError
    ├── ConfigError            the configuration is wrong: nothing is started
    ├── ArtifactError          a file of ours is damaged or of another version: stop
    ├── ClusterFailed          another machine's engine gave up: start the run again
    ├── StoreUnavailable       an object store refuses or does not answer: stop
    ├── DiskFull               there is no room for a file of ours: stop
    ├── TrainingDiverged       losses or gradients are no numbers any more: stop
    └── InputError             one input is unusable: a reject, the run goes on
        ├── RowMalformed           DuplicateRecording       KeyUnusable
        ├── LanguageUnknown        NameUnclear              TextAmbiguous
        ├── SourceMissing          SourceRefused            SourceTooLarge
        ├── FetchFailed            ArchiveUnusable
        ├── AudioUnreadable        AudioEmpty               AudioSilent
        ├── AudioFormatAbsurd      AudioNotFinite           AudioTruncated
        ├── NoSpeech
        ├── TextUnreadable         TextMalformed            TextEmpty
        ├── AlignmentInfeasible    TimingMalformed       LettersUnknown
        └── WrongChapter           WrongText

A programming error is none of these and stops the run. A message names the item, what
was expected, what came, and what to do.
"""


class PericopeError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(PericopeError):
    """The configuration cannot be used; raised before any work starts."""


class ArtifactError(PericopeError):
    """A file that Pericope wrote or ships is damaged or of another version."""


class ClusterFailed(PericopeError):
    """The engine of a cluster could not finish a run; what is done is kept."""


class StoreUnavailable(PericopeError):
    """The object store that a corpus lies in refuses access or does not answer."""


class DiskFull(PericopeError):
    """A file could not be written for want of room; what is whole stays."""


class TrainingDiverged(PericopeError):
    """Too many steps of a training had a loss or gradient that is no number."""


class InputError(PericopeError):
    """One input cannot be processed; it becomes a reject with this reason."""

    reason = "input"
    duration_sec: float | None = None
    """Length of the audio, where it was decoded all the same."""


class RowMalformed(InputError):
    """A row of the manifest cannot be read, or a cell has a value that cannot be."""

    reason = "row_malformed"


class LanguageUnknown(InputError):
    """The language code is not in ISO 639-3 (or the script not in ISO 15924)."""

    reason = "language_unknown"


class NameUnclear(InputError):
    """A file's name does not say what is read in it."""

    reason = "name_unclear"


class TextAmbiguous(InputError):
    """Several texts could be what is read in a recording."""

    reason = "text_ambiguous"


class DuplicateRecording(InputError):
    """The same recording id appears more than once."""

    reason = "duplicate_recording"


class KeyUnusable(InputError):
    """The recording id has characters that a shard key must not have."""

    reason = "key_unusable"


class SourceMissing(InputError):
    """There is nothing at the given path or address."""

    reason = "source_missing"


class SourceRefused(InputError):
    """The path leaves the manifest's folder, or the scheme is not allowed."""

    reason = "source_refused"


class SourceTooLarge(InputError):
    """The source is larger than the configured limit."""

    reason = "source_too_large"


class FetchFailed(InputError):
    """The source could not be fetched completely after all retries."""

    reason = "fetch_failed"


class ArchiveUnusable(InputError):
    """The zip archive is damaged, encrypted, or can be read in two ways."""

    reason = "archive_unusable"


class AudioUnreadable(InputError):
    """The file is not audio that ffmpeg can decode."""

    reason = "audio_unreadable"


class AudioEmpty(InputError):
    """The file holds no bytes or no samples."""

    reason = "audio_empty"


class AudioSilent(InputError):
    """The audio has no sound in it."""

    reason = "audio_silent"


class AudioFormatAbsurd(InputError):
    """The sample rate or the number of channels is not that of a recording."""

    reason = "audio_format_absurd"


class AudioNotFinite(InputError):
    """The audio holds NaN or infinite samples."""

    reason = "audio_not_finite"


class AudioTruncated(InputError):
    """The audio breaks off before the length that its header promises."""

    reason = "audio_truncated"


class NoSpeech(InputError):
    """Nobody speaks in a recording without text."""

    reason = "no_speech"


class TextUnreadable(InputError):
    """The text cannot be decoded."""

    reason = "text_unreadable"


class TextMalformed(InputError):
    """The text does not follow its declared format."""

    reason = "text_malformed"


class TextEmpty(InputError):
    """No verse has a letter or a number to align."""

    reason = "text_empty"


class TimingMalformed(InputError):
    """The given word times cannot be read or do not fit the audio and text."""

    reason = "timing_malformed"


class AlignmentInfeasible(InputError):
    """There are too few frames for the tokens."""

    reason = "alignment_infeasible"


class LettersUnknown(InputError):
    """The text has letters that the model's vocabulary lacks."""

    reason = "letters_unknown"


class WrongChapter(InputError):
    """The recording reads another text of the manifest than its own."""

    reason = "wrong_chapter"


class WrongText(InputError):
    """The recording reads none of the manifest's texts."""

    reason = "wrong_text"
