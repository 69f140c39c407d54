import math

from hypothesis import given
from hypothesis import strategies as st

from models.confusion import Confusion

PAIRS = [("swh", "swh")] * 8 + [("swh", "eng")] * 2 + [("eng", "eng")] * 3
PAIRS += [("eng", "hin")] * 2


def test_accuracy_of_all_and_of_each():
    found = Confusion.of(PAIRS)
    assert found.languages == ["eng", "swh"]
    assert (found.clips(), found.clips("swh"), found.clips("hin")) == (15, 10, 0)
    assert found.accuracy() == 11 / 15
    assert found.accuracy("eng") == 0.6
    assert math.isnan(found.accuracy("hin"))


def test_the_worst_pairs_come_first():
    found = Confusion.of(PAIRS)
    assert found.worst_pairs() == [("eng", "hin", 0.4), ("swh", "eng", 0.2)]
    assert found.worst_pairs(1) == [("eng", "hin", 0.4)]


def test_a_table_of_all_that_was_heard(tmp_path):
    Confusion.of(PAIRS).write_csv(tmp_path / "confusion.csv")
    assert (tmp_path / "confusion.csv").read_text().splitlines() == [
        "true,clips,accuracy,eng,hin,swh",
        "eng,5,0.6,3,2,0",
        "swh,10,0.8,2,0,8",
    ]


codes = st.sampled_from(["eng", "hin", "swh"])


@given(st.lists(st.tuples(codes, codes), min_size=1))
def test_shares_of_a_language_sum_to_one(pairs):
    found = Confusion.of(pairs)
    for language in found.languages:
        wrong = sum(row[2] for row in found.worst_pairs(9) if row[0] == language)
        assert math.isclose(found.accuracy(language) + wrong, 1)
