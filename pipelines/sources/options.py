"""What a user says about a source that its files do not say themselves."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.fetch_limits import FetchLimits
from pipelines.languages import check_language
from pipelines.sources.books import book_of_code
from schemas.errors import ConfigError, LanguageUnknown

DRAMA = ("auto", "yes", "no", "both")


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Choices for one call of ``pericope fetch``."""

    output: Path
    """The folder that is fetched into."""
    language: str = ""
    """ISO 639-3, over what file names say."""
    version: str = ""
    reader: str = ""
    licence: str = ""
    """Of recordings of which the source does not say it."""
    text: str = ""
    """A folder, archive or file with the texts, where they are not beside the audio."""
    books: tuple[str, ...] = ()
    """Only these; empty: all."""
    drama: str = "auto"
    """yes, no, both, or auto: dramatised filesets only where there is no other."""
    timestamps: bool = False
    """Write down the verse times that the source has, too."""
    key_file: Path | None = None
    server: str = ""
    limits: FetchLimits = field(default_factory=FetchLimits)

    def __post_init__(self) -> None:
        if self.drama not in DRAMA:
            raise ConfigError(
                f"--drama: expected one of {', '.join(DRAMA)}, got {self.drama!r}"
            )
        unknown = [book for book in self.books if book_of_code(book) != book]
        if unknown:
            raise ConfigError(
                f"--books: expected codes such as MRK, got {', '.join(unknown)}"
            )
        if self.language:
            try:
                check_language(self.language)
            except LanguageUnknown as error:
                raise ConfigError(f"--language: {error}") from error

    def at(self, output: Path) -> "SourceOptions":
        """Return the same options for another folder."""
        return replace(self, output=output)
