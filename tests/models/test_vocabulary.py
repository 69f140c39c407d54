"""Letters to columns and back, through the files that transformers reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import Wav2Vec2CTCTokenizer

from models.vocabulary import Vocabulary, read_vocabulary
from schemas.errors import ArtifactError, ConfigError, LettersUnknown

TEXTS = ["habari ya asubuhi", "καλή μέρα", "ʻo ia nō"]


def test_one_vocabulary_of_all_languages():
    vocabulary = Vocabulary.from_texts(TEXTS)
    assert vocabulary.labels[:5] == ("", "<s>", "</s>", "<unk>", "|")
    assert (vocabulary.blank, vocabulary.word_separator) == (0, 4)
    assert set(vocabulary.labels[5:]) == set("".join(TEXTS)) - {" "}
    assert vocabulary == Vocabulary.from_texts(reversed(TEXTS))
    assert not vocabulary.romanised
    assert Vocabulary.from_texts(["ab c"]).romanised


def test_texts_as_columns():
    vocabulary = Vocabulary.from_texts(["ab c"])
    assert vocabulary.encode(" ab\n c ") == [5, 6, 4, 7]
    assert vocabulary.encode("") == []
    joined = Vocabulary(("", "a", "b"), 0, None)
    assert joined.encode("a b") == [1, 2]


def test_letters_outside_are_named_with_the_clip():
    vocabulary = Vocabulary.from_texts(["abc"])
    with pytest.raises(LettersUnknown, match=r"k1: .*got 3 that.*: q z \|"):
        vocabulary.encode("a|b zq", "k1")
    with pytest.raises(ConfigError, match="'\\|' as a letter"):
        Vocabulary.from_texts(["a|b"])
    with pytest.raises(ConfigError, match="got none"):
        Vocabulary.from_texts([" ", ""])


# Texts are in lower case; white space and "|" are no letters.
letters = st.characters(exclude_categories=("Z", "C"), exclude_characters="|<>").filter(
    lambda letter: letter == letter.lower() and not letter.isspace()
)


@given(st.lists(st.text(letters, min_size=1, max_size=8), min_size=1, max_size=4))
def test_written_and_read_again(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("tokenizer")
    text = " ".join(words)
    vocabulary = Vocabulary.from_texts([text])
    vocabulary.save(folder)
    assert read_vocabulary(folder, None, len(vocabulary.labels)) == vocabulary
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
    columns = vocabulary.encode(text)
    assert tokenizer(text).input_ids == columns
    assert tokenizer.decode(columns, group_tokens=False) == text


def test_a_part_for_each_language(tmp_path):
    first, second = Vocabulary.from_texts(["abc"]), Vocabulary.from_texts(["de"])
    first.save(tmp_path, "swh")
    second.save(tmp_path, "ell")
    assert list(json.loads((tmp_path / "vocab.json").read_text())) == ["ell", "swh"]
    for language, vocabulary in [("swh", first), ("ell", second)]:
        columns = len(vocabulary.labels)
        assert read_vocabulary(tmp_path, language, columns) == vocabulary
    # The first one is what transformers takes by itself.
    assert Wav2Vec2CTCTokenizer.from_pretrained(tmp_path).target_lang == "swh"
    flat = tmp_path / "flat"
    flat.mkdir()
    first.save(flat)
    with pytest.raises(ArtifactError, match="a part for each language"):
        second.save(flat, "ell")


def test_the_columns_of_a_foreign_tokenizer_stay(tmp_path):
    vocabulary = Vocabulary(("a", "<?>", "", "<unused 3>", " ", "é"), 2, 4)
    vocabulary.save(tmp_path)
    again = read_vocabulary(tmp_path, None, 6)
    assert again.labels[:4] == vocabulary.labels[:4]
    assert (again.blank, again.word_separator) == (2, 4)
    assert again.encode("é a") == [5, 4, 0]


def test_as_json():
    vocabulary = Vocabulary.from_texts(TEXTS)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    for document in ("{}", "[]", "x"):
        with pytest.raises(ValueError):
            Vocabulary.from_json(document)
