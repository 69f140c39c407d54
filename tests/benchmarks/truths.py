"""The truth about a planted chapter: what the aligner said, moved by known amounts."""

from pipelines.synth.truth import ChapterTruth, TruthVerse, TruthWord
from schemas.alignment import ChapterAlignment, WordSpan


def truth_of(
    found: ChapterAlignment, *, start_sec: float = 0.0, end_sec: float = 0.0
) -> ChapterTruth:
    """Return the truth in which every word starts and ends that much later."""

    def word(span: WordSpan) -> TruthWord:
        return TruthWord(
            span.char_start,
            span.char_end,
            span.start_sec + start_sec,
            span.end_sec + end_sec,
        )

    verses = []
    for verse in found.verses:
        words = tuple(map(word, verse.words))
        verses.append(
            TruthVerse(
                number=verse.verse,
                text=verse.text,
                read="once",
                start_sec=words[0].start_sec,
                end_sec=words[-1].end_sec,
                words=words,
            )
        )
    return ChapterTruth(
        recording_id=found.recording_id,
        language=found.language,
        duration_sec=found.duration_sec,
        options={},
        verses=tuple(verses),
        extras=(),
    )
