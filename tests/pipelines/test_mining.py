"""Mismatches of a corpus on disk: what is told of each, and one planted in speech."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aligner.mismatches import MiningConfig
from pipelines.mining import Finding, mine_corpus
from pipelines.synth.chapter import ChapterOptions
from pipelines.synth.corpus import ChapterJob, make_chapter
from pipelines.synth.files import AudioFileOptions
from pipelines.tables import read_alignments, write_rows
from schemas.alignment import VerseAlignment
from schemas.alignment_row import AlignmentRow
from schemas.errors import ArtifactError
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE
from tests import builders
from tests.builders import make_segment, spoken
from tests.pipelines.corpora import Speech, run_plainly, write_corpus

WORDS = (
    "mvua ndogo kuku mti jua wimbo daraja kisima mlima barua samaki nyota upepo moto "
    "ziwa mkate shamba dada kaka soko"
).split()
READERS = {"rec-001": "Asha", "rec-002": "Asha", "rec-003": "Juma"}


def with_confidence(verse: VerseAlignment, wrong: str, rng) -> VerseAlignment:
    words = tuple(
        replace(
            word,
            confidence=rng.uniform(0.05, 0.3)
            if wrong in word.word.lower()
            else rng.uniform(0.25, 0.95),
        )
        for word in verse.words
    )
    number = replace(words[-1], confidence=float("nan"))
    return replace(verse, words=(*words[:-1], number))


def write_language(root: Path, language: str, wrong: str) -> None:
    """Write three recordings of 40 verses in which words with a letter are unsure."""
    rng = np.random.default_rng(1)
    rows = []
    for recording_id in READERS:
        chosen = [rng.choice(WORDS, 8) for _ in range(40)]
        texts = [" ".join([str(w).title() for w in verse] + ["7"]) for verse in chosen]
        verses = builders.make_chapter([spoken(text) for text in texts]).verses
        for verse in verses:
            rows.append(
                AlignmentRow(
                    recording_id=recording_id, language=language, book="MRK",
                    chapter=2, verse=with_confidence(verse, wrong, rng),
                    model="planted", digest="0" * 64,
                )
            )  # fmt: skip
    write_rows(str(root), ALIGNMENT_TABLE, rows, language)
    segments = [
        make_segment(recording_id=name, reader=reader, language=language)
        for name, reader in READERS.items()
    ]
    write_rows(str(root), SEGMENT_TABLE, segments, language)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_language(tmp_path, "swh", "k")
    write_language(tmp_path, "zul", "§")
    return tmp_path


def test_a_finding_tells_all_that_is_known(corpus):
    (found,) = mine_corpus(str(corpus), MiningConfig(), examples=4)
    assert (found.language, found.pattern, found.is_word) == ("swh", "k", False)
    assert found.romanised == "k"
    assert found.spellings == sum("k" in word for word in WORDS)
    assert (found.recordings, found.low_recordings, found.readers) == (3, 3, 2)
    assert found.confidence < 0.2
    assert found.confidence_without > 0.5
    assert found.advice.startswith("not spoken as 'k'? aligner/rules.py")
    assert len(found.examples) == 4
    assert len({example.recording_id for example in found.examples[:3]}) == 3
    for example in found.examples:
        assert "k" in example.word.lower()
        assert example.romanised == example.word.lower()
        assert example.book == "MRK"
        assert 1 <= int(example.verse) <= 40
        assert 0 < example.start_sec < example.end_sec


def test_an_example_lies_where_the_table_says(corpus):
    (found,) = mine_corpus(str(corpus), MiningConfig(), "swh", examples=6)
    rows = {
        (r.recording_id, r.verse.verse): r for r in read_alignments(str(corpus), "swh")
    }
    for example in found.examples:
        words = rows[example.recording_id, example.verse].verse.words
        assert any(
            (w.word, w.start_sec, w.confidence)
            == (example.word, example.start_sec, example.confidence)
            for w in words
        )


def test_no_table_and_no_confidence_are_told(corpus, tmp_path):
    with pytest.raises(ArtifactError, match="the table of rus, found none"):
        list(mine_corpus(str(corpus), MiningConfig(), "rus"))
    with pytest.raises(ArtifactError, match="expected the table, found none"):
        list(mine_corpus(str(tmp_path / "nothing"), MiningConfig()))
    write_rows(str(tmp_path / "empty"), ALIGNMENT_TABLE, [], "swh")
    with pytest.raises(ArtifactError, match="with a confidence, found none"):
        list(mine_corpus(str(tmp_path / "empty"), MiningConfig()))


def test_the_command_prints_a_table_or_json(corpus, command):
    done = command("mine", corpus)
    assert done.status == 0
    for words in ("swh", "pattern", "low in", "3/3", "aligner/rules.py"):
        assert words in done.out
    assert "rec-00" in done.out
    (row,) = json.loads(command("mine", corpus, "--json").out)
    assert set(row) == set(Finding.__dataclass_fields__)
    assert (row["pattern"], len(row["examples"])) == ("k", 3)
    none = command("mine", corpus, "--language", "zul")
    assert (none.status, none.out) == (
        0, "no pattern is aligned worse than the others\n",
    )  # fmt: skip
    wrong = command("mine", corpus, "--rate", "2")
    assert (wrong.status, wrong.out) == (2, "")
    assert "expected 0 to 1" in wrong.err


def test_a_letter_that_is_written_wrongly_comes_first(tmp_path, command):
    """Two chapters are read as they are written, and then with another letter."""
    jobs = tuple(
        ChapterJob(
            recording_id=f"swh-{number}",
            options=ChapterOptions(
                language="swh", minutes=0.8, voices=(voice,), seed=number
            ),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
            chapter=number,
        )
        for number, voice in ((1, "f5"), (2, "m5"))
    )
    folder = tmp_path / "speech"
    for name in ("audio", "text", "truth"):
        (folder / name).mkdir(parents=True)
    truths = {job.recording_id: make_chapter(job, str(folder)) for job in jobs}
    speech = Speech(folder, jobs, truths)
    toml = write_corpus(tmp_path, speech, speech.rows())
    assert run_plainly(toml) == 0
    assert json.loads(command("mine", toml, "--json").out) == []
    for path in (tmp_path / "text").iterdir():
        text = path.read_text().lower()
        assert "x" not in text
        path.write_text(text.replace("k", "x"))
    assert run_plainly(toml) == 0
    (first, *rest) = json.loads(command("mine", toml, "--json").out)
    assert (first["pattern"], first["romanised"]) == ("x", "x")
    assert (first["recordings"], first["low_recordings"]) == (2, 2)
    assert rest == []
