import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.vref import read_vref
from schemas.errors import TextMalformed

VREF = "GEN 1:1\nGEN 1:2\nGEN 1:3\nGEN 2:1\nEXO 1:1\n"


def write(folder, text: str, vref: str = VREF):
    (folder / "swh-abc.txt").write_text(text)
    (folder / "vref.txt").write_text(vref)
    return folder / "swh-abc.txt", folder / "vref.txt"


def test_lines_become_verses(tmp_path):
    lines = read_vref(*write(tmp_path, "Mvua.\n\nJua.\nUpepo  wa.\n\n"))
    assert [line.vpl for line in lines] == [
        "GEN 1:1 Mvua.", "GEN 1:3 Jua.", "GEN 2:1 Upepo wa."
    ]  # fmt: skip


def test_ranges_are_joined(tmp_path):
    lines = read_vref(*write(tmp_path, "Mvua.\n<range>\n<range>\nUpepo.\nZiwa.\n"))
    assert [line.vpl for line in lines] == [
        "GEN 1:1-3 Mvua.", "GEN 2:1 Upepo.", "EXO 1:1 Ziwa."
    ]  # fmt: skip


def test_a_range_over_chapters_stays_with_its_verse(tmp_path):
    lines = read_vref(*write(tmp_path, "Mvua.\n\nJua.\n<range>\nZiwa.\n"))
    assert [line.vpl for line in lines] == [
        "GEN 1:1 Mvua.", "GEN 1:3 Jua.", "EXO 1:1 Ziwa."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "vref", "said"),
    [
        ("Mvua.\n", VREF, "expected 5 lines .* got 1"),
        ("<range>\n\n\n\n\n", VREF, "line 1: expected a verse before <range>"),
        ("Mvua.\n", "Genesis 1:1\n", "expected a verse such as 'GEN 1:1'"),
        ("Mvua.\n", "XYZ 1:1\n", "expected a verse such as 'GEN 1:1'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, text, vref, said):
    with pytest.raises(TextMalformed, match=said):
        read_vref(*write(tmp_path, text, vref))


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["a b", "", "<range>"]), min_size=1, max_size=30))
def test_every_verse_with_text_is_there_once(tmp_path_factory, lines):
    lines[0] = "a b"
    folder = tmp_path_factory.mktemp("vref")
    vref = "".join(f"PSA 119:{n}\n" for n in range(1, len(lines) + 1))
    read = read_vref(*write(folder, "".join(f"{line}\n" for line in lines), vref))
    assert len(read) == lines.count("a b")
    covered = [n for line in read for n in range(line.first, line.last + 1)]
    assert covered == sorted(set(covered))
    assert set(covered) >= {n for n, line in enumerate(lines, 1) if line == "a b"}
