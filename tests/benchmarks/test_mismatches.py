"""Letters changed over in a text."""

from benchmarks.mismatches import letters_of, respelt
from schemas.source import Chapter, Verse

CHAPTER = Chapter(language="swh", verses=(Verse("1", "Mti na Jua"), Verse("2", "mto")))


def test_two_letters_change_places_everywhere():
    assert [verse.text for verse in respelt(CHAPTER, "m", "t").verses] == [
        "tmi na jua", "tmo",
    ]  # fmt: skip
    assert respelt(respelt(CHAPTER, "m", "t"), "t", "m").verses[1].text == "mto"


def test_letters_are_drawn_that_are_neither_rare_nor_everywhere():
    text = "a" * 50 + "bcdefgh" * 6 + "z"
    chapter = Chapter(language="swh", verses=(Verse("1", text),))
    for seed in ("one", "two", "three"):
        drawn = letters_of([chapter], seed)
        assert set(drawn) <= set("bcdefgh")
        assert len(set(drawn)) == 2
        assert drawn == letters_of([chapter], seed)
