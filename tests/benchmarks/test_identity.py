"""What is said of each recording in the benchmark of swapped files."""

from aligner.identity import Verdict
from benchmarks.identity import book_jobs, cases_of

IDS = [
    f"{language}-{chapter}" for language in ("cat", "kat") for chapter in range(1, 7)
]


def test_every_case_has_its_right_answer_among_the_texts_or_nowhere():
    as_it_is, swapped, known, unknown = cases_of("cat-6", IDS)
    assert (as_it_is.own, as_it_is.right, as_it_is.likely) == (
        "cat-6", Verdict.OWN, "",
    )  # fmt: skip
    assert (swapped.own, swapped.likely) == ("cat-1", "cat-6")
    assert "cat-6" in swapped.book
    assert (known.own, known.likely) == ("kat-6", "cat-6")
    assert "cat-6" in known.rest
    assert (unknown.own, unknown.right) == ("kat-6", Verdict.OTHER_TEXT)
    assert not any(name.startswith("cat") for name in unknown.book + unknown.rest)
    for case in (as_it_is, swapped, known):
        assert sorted(case.book + case.rest) == sorted(IDS)


def test_books_have_two_chapters_alike_and_a_short_one():
    jobs = book_jobs(["cat", "kat"], seed=1)
    assert [job.recording_id for job in jobs] == IDS
    texts = [set(job.own_text) for job in jobs[:6]]
    assert len(texts[0] & texts[1]) == 0
    assert 0.4 < len(texts[3] & texts[4]) / len(texts[4]) < 0.95
    assert len(texts[5]) == 5
    assert jobs == book_jobs(["cat", "kat"], seed=1)
    assert not texts[0] & set(book_jobs(["cat"], seed=2)[0].own_text)
