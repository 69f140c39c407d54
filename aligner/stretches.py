"""The words of a segment as a model spells them, and the frames that they have."""

from collections.abc import Sequence

from aligner.decoys import Stretch
from aligner.normalise import normalise_verse
from aligner.runs import is_timed
from aligner.spelling import Speller
from schemas.alignment import WordSpan
from schemas.segment import Segment
from schemas.units import frames_from_sec


def stretches_of(
    segment: Segment, speller: Speller, hop_samples: int, frames: int
) -> list[Stretch]:
    """Return the stretches of a segment, parted by its numbers.

    In how many words a number was read is not known, and so nothing can be said of its
    frames. Words that the model has no letters for are left out.

    Args:
      segment: with words and times.
      speller: of the model and the language.
      hop_samples: samples from one frame to the next.
      frames: of the whole recording.
    """
    found = []
    start_sec, run = segment.start_sec, list[WordSpan]()
    for word in (*segment.words, None):
        if word is not None and not _is_number(word, speller.language):
            run.append(word)
            continue
        end_sec = segment.end_sec
        if word is not None:
            end_sec = word.start_sec if is_timed(word) else _last_end(run, start_sec)
        spelt = (tuple(speller.tokens(part.word).tolist()) for part in run)
        tokens = tuple(filter(None, spelt))
        start = max(0, frames_from_sec(start_sec, hop_samples))
        end = min(frames, frames_from_sec(end_sec, hop_samples))
        if tokens and end > start:
            found.append(Stretch(start, end, tokens))
        run = []
        if word is not None:
            start_sec = word.end_sec if is_timed(word) else end_sec
    return found


def _is_number(word: WordSpan, language: str) -> bool:
    return any(token.is_number for token in normalise_verse(word.word, language))


def _last_end(words: Sequence[WordSpan], otherwise_sec: float) -> float:
    return max(
        (word.end_sec for word in words if is_timed(word)), default=otherwise_sec
    )
