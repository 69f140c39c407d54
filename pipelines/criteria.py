"""What decides whether a selection keeps a segment: rules, and a lane of licences."""

from dataclasses import dataclass
from typing import Literal, get_args

from schemas.errors import ConfigError

Lane = Literal["", "commercial"]
"""commercial: licences of source and model both allow commercial use."""
BELOW_THRESHOLD = "score_below_threshold"


@dataclass(frozen=True)
class Rule:
    """One rule as it was written; ``name`` may be empty."""

    text: str
    name: str = ""


@dataclass(frozen=True)
class Criteria:
    """A segment is kept where every rule is true and the lane is open to it."""

    rules: tuple[Rule, ...]
    lane: Lane = ""
    labels: str = ""
    """Name of the labels that are judged; "" for the segments with text."""


def as_lane(text: str) -> Lane:
    """Return a lane by its name.

    Raises:
      ConfigError: there is none of that name.
    """
    for lane in get_args(Lane):
        if text == lane:
            return lane
    raise ConfigError(f"--lane: expected commercial, got {text!r}")


def score_rule(least: float) -> Rule:
    """Return the rule that keeps scores at or above a threshold."""
    # With an exponent SQL reads a DOUBLE of all digits, without one a DECIMAL.
    written = repr(float(least))
    if "e" not in written:
        written += "e0"
    return Rule(f"score >= {written}", BELOW_THRESHOLD)
