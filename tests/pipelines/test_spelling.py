import pytest

from pipelines.spelling import spelled_text


@pytest.mark.parametrize(
    ("text", "language", "native", "romanised"),
    [
        ("Mto, ulikuwa MPANA!", "swh", "mto ulikuwa mpana", "mto ulikuwa mpana"),
        ("Река — широка.", "rus", "река широка", "reka shiroka"),
        ("well-known", "eng", "well known", "well known"),
        ("...", "eng", "", ""),
        ("sails at 9", "eng", None, None),
    ],
)
def test_texts_are_written_as_models_write(text, language, native, romanised):
    assert spelled_text(text, language, romanised=False) == native
    assert spelled_text(text, language, romanised=True) == romanised


def test_signs_that_stand_together_are_one_word():
    assert spelled_text("川は 広い", "jpn", romanised=False) == "川は 広い"
