"""[select.<name>] of corpus.toml: which segments a selection keeps."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from pipelines.criteria import Criteria, Lane, Rule, score_rule
from schemas.errors import ConfigError

_RULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class ScoreRange:
    """Scores that a selection keeps."""

    min: float


def _score(written: Any) -> Any:
    """Read "auto", a number, or a table with a number as min."""
    if written == "auto":
        return written
    least = written
    if isinstance(written, dict) and list(written) == ["min"]:
        least = written["min"]
    is_number = isinstance(least, int | float) and not isinstance(least, bool)
    if is_number and abs(least) < 1e6:  # not infinite, not NaN
        return ScoreRange(min=float(least))
    raise PydanticCustomError("score", "'auto', a number or { min = number }")


def _where(written: Any) -> tuple[Rule, ...]:
    """Read a rule, a list of rules, or a table of rules by name."""
    if isinstance(written, dict):
        found = [(name, text) for name, text in written.items()]
    elif isinstance(written, list):
        found = [("", text) for text in written]
    else:
        found = [("", written)]
    fits = all(
        isinstance(text, str) and (not name or _RULE_NAME.fullmatch(name))
        for name, text in found
    )
    if found and fits:
        return tuple(Rule(text, name) for name, text in found)
    raise PydanticCustomError(
        "where", "a condition such as 'score > -0.1', a list, or a table of named ones"
    )


@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """Every rule must hold, and the lane must be open."""

    where: Annotated[tuple[Rule, ...], PlainValidator(_where)] = ()
    score: Annotated[Literal["auto"] | ScoreRange | None, PlainValidator(_score)] = None
    """auto, for the threshold that is stored with the model, where there is no rule."""
    lane: Lane = ""
    labels: str = ""
    """Of a teacher, which are judged instead of the segments with text."""

    def __post_init__(self) -> None:
        if self.score is None and not self.where and not self.labels:
            object.__setattr__(self, "score", "auto")

    @property
    def needs_threshold(self) -> bool:
        """Tell whether it depends on the model."""
        return self.score == "auto"

    def criteria(self, model_threshold: float) -> Criteria:
        """Return what decides, given the threshold that is stored with the model."""
        score: tuple[Rule, ...] = ()
        if isinstance(self.score, ScoreRange):
            score = (score_rule(self.score.min),)
        elif self.score == "auto":
            score = (score_rule(model_threshold),)
        return Criteria((*score, *self.where), self.lane, self.labels)


def check_rules(name: str, selection: SelectionConfig) -> None:
    """Find fault with rules before anything is done.

    Raises:
      ConfigError: a rule cannot be read or computed.
    """
    if name == "default" and selection.labels:
        raise ConfigError(
            "select.default.labels: expected none, as the ledger tells of the segments "
            f"with text; choose another name than default, got {selection.labels!r}"
        )
    if not selection.where:
        return
    from pipelines.judge import check_criteria

    try:
        check_criteria(selection.criteria(0.0))
    except ConfigError as error:
        raise ConfigError(f"select.{name}.where: {error}") from error
