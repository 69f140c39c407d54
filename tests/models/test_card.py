"""The licence that a model card names."""

import pytest

from models.card import card_licence


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags: [mms]\n---\n# Mine\n", "cc-by-nc-4.0"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit AND apache-2.0"),
        ("---\nlicense: other\nlicense_name: house-1\n---\n", "house-1"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\ntags: [mms]\n---\n", ""),
        ("---\nlicense: {\n---\n", ""),
        ("---\n- license\n---\n", ""),
        ("# Only words\n", ""),
        (None, ""),
    ],
)
def test_what_the_card_says(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert card_licence(tmp_path) == licence
