"""The weights of a language model, chosen on clips whose text is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.decoding.beam import BeamDecoder
from models.decoding.error_rates import EditCounts, Transcript, error_rates
from schemas.errors import ConfigError

ALPHAS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.4)
BETAS = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0)
_ROUNDS = 3


@dataclass(frozen=True)
class Heard:
    """What a model makes of one clip, and what was said."""

    log_probs_TC: npt.NDArray[np.float32]
    transcript: Transcript
    """Its ``heard`` is not looked at."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The weights with the fewest errors, and what they are worth there."""

    alpha: float
    beta: float
    errors: int
    length: int
    tried: int


def tune(
    decoder: BeamDecoder,
    clips: Sequence[Heard],
    report: Callable[[str], None],
    *,
    count_words: bool = False,
) -> Tuned:
    """Choose alpha and beta by turns from small grids, from the decoder's own on.

    Each pair is tried once; of equal ones the first is kept. Equal clips give equal
    weights.

    Args:
      decoder: with the language model; its weights are tried first.
      clips: some minutes, of which nothing else is told.
      report: called with a line for each pair.
      count_words: minimise wrong words instead of letters.

    Raises:
      ConfigError: there is no letter (or word) to count.
    """
    length = _edits(clips, [""] * len(clips), count_words).length
    if not length:
        raise ConfigError(
            f"tuning: expected clips with text, got {len(clips)} clips without any"
        )
    errors: dict[tuple[float, float], int] = {}

    def wrong(alpha: float, beta: float) -> int:
        if (alpha, beta) not in errors:
            weighted = decoder.weighted(alpha, beta)
            heard = [weighted.decode(clip.log_probs_TC)[0] for clip in clips]
            errors[alpha, beta] = _edits(clips, heard, count_words).errors
            told = errors[alpha, beta] / length
            report(f"alpha {alpha:g}, beta {beta:g}: {told:.2%} wrong")
        return errors[alpha, beta]

    alpha, beta = decoder.alpha, decoder.beta
    for _ in range(_ROUNDS):
        before = alpha, beta
        alpha = min((alpha, *ALPHAS), key=lambda tried: wrong(tried, beta))
        beta = min((beta, *BETAS), key=lambda tried: wrong(alpha, tried))
        if (alpha, beta) == before:
            break
    return Tuned(
        alpha=alpha,
        beta=beta,
        errors=errors[alpha, beta],
        length=length,
        tried=len(errors),
    )


def _edits(
    clips: Sequence[Heard], heard: Sequence[str], count_words: bool
) -> EditCounts:
    rates = error_rates(
        Transcript(
            language=clip.transcript.language,
            reference=clip.transcript.reference,
            heard=text,
        )
        for clip, text in zip(clips, heard, strict=True)
    )
    return rates.words if count_words else rates.letters
