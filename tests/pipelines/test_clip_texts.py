"""Texts from the tables are those that the shards have, and no shard is opened."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from models.data import SpeechShards
from models.training.survey import survey
from models.vocabulary import Vocabulary
from pipelines.clip_texts import clip_texts
from pipelines.clips import cut_clips
from pipelines.criteria import Criteria, Rule
from pipelines.materialise import materialise
from pipelines.select import select_segments
from pipelines.shard_writer import write_shard
from pipelines.shards import plan_shards
from pipelines.spelling import ClipSpeller
from pipelines.tables import write_rows
from schemas.errors import ArtifactError
from schemas.segment import ClipRef
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment
from tests.models.data.labels import write_labels

TEXTS = ("Kai", "Kai 7", "…", "Öai kai", "Iki", "Aka iki kai", "Ka")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two languages in two splits; numbers, stars, signs, and clips without text."""
    root = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(3)
    refs = []
    for language, split, source in (
        ("swh", "train", ""),
        ("swh", "dev", ""),
        ("swh", "train", "star"),
        ("quz", "train", ""),
    ):
        texts = TEXTS if not source else [""] * 4
        segments = [
            make_segment(
                3 * k,
                3 * k + 0.3 + 0.1001 * k,
                recording_id=f"{language}-{split}{source}",
                language=language,
                split=split,
                text=text,
                source=source,
                star_sec=0.2 if k == 4 else 0.0,
                score=k / 10,
            )
            for k, text in enumerate(texts)
        ]
        waveform = rng.normal(0, 0.1, 16_000 * 3 * len(texts)).astype(np.float32)
        pack = root / f"{language}-{split}{source}.pack"
        with pack.open("wb") as file:
            places = cut_clips(waveform, segments, file)
        refs += [
            ClipRef(segment, str(pack), *place, labeled=not source)
            for segment, place in zip(segments, places, strict=True)
        ]
    corpus = root / "corpus"
    for plan in plan_shards(refs, 3):
        write_shard(plan, str(corpus))
    for language in ("quz", "swh"):
        own = [ref.segment for ref in refs if ref.segment.language == language]
        write_rows(str(corpus), SEGMENT_TABLE, own, language)
    select_segments(str(corpus), "high", Criteria((Rule("score > 0.15"),)))
    unlabeled = [ref.segment.key for ref in refs if ref.segment.source]
    write_labels(corpus, "a", "swh", dict.fromkeys(unlabeled[:3], "kai iki"))
    again = [ref.segment.key for ref in refs if ref.segment.key.startswith("swh-train")]
    told = dict.fromkeys(again[2:4], "aka")
    write_labels(corpus, "a", "swh", told, source="rejected", part=1)
    return corpus


EVERYTHING = {"selection": None, "split": "*"}
SOURCES = {
    "train": {"selection": None},
    "all splits": EVERYTHING,
    "one language": {"selection": None, "language": "quz"},
    "a selection": {"selection": "high", "split": "*"},
    "without text": {"selection": None, "lane": "unlabeled"},
    "labels": {"selection": None, "lane": "unlabeled", "labels": "a"},
}


def told(clips):
    return [
        (
            clip.key,
            clip.language,
            clip.duration_sec,
            clip.text,
            clip.source,
            clip.star_sec,
        )
        for clip in clips
    ]


def shards(corpus, name):
    return SpeechShards(corpus=corpus, **SOURCES[name])


@pytest.mark.parametrize("name", SOURCES)
def test_tables_tell_what_shards_have(name, written):
    source = shards(written, name)
    expected = told(source.in_order())
    assert len(expected) >= 4
    assert told(clip_texts(source)) == expected
    some = frozenset(row[0] for row in expected[::2])
    assert told(clip_texts(replace(source, keys=some))) == expected[::2]


@pytest.mark.parametrize("name", ["all splits", "labels"])
@pytest.mark.parametrize("letters", [None, "aki"])
def test_a_survey_of_either_is_the_same(name, letters, written):
    source = shards(written, name)
    known = None if letters is None else Vocabulary.from_texts(letters)
    found, expected = (
        survey(
            clips,
            ClipSpeller(romanised=False),
            known,
            skips_unknown=True,
            between_sec=(0.35, 0.8),
        )
        for clips in (clip_texts(source), source.in_order())
    )
    assert found == expected
    assert list(found.keys_of.items()) == list(expected.keys_of.items())
    if name == "all splits":
        reasons = {"nobody knows what letters are said", "no letters"}
        reasons |= {"shorter than 0.35 s", "longer than 0.8 s"}
        reasons |= {"letters outside the vocabulary"} if letters else set()
        assert set(found.reasons) == reasons


def test_no_shard_is_opened(written, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(written, corpus)
    for tar in corpus.rglob("*.tar"):
        tar.write_bytes(bytes(tar.stat().st_size))
    for name in SOURCES:
        expected = told(shards(written, name).in_order())
        assert told(clip_texts(shards(corpus, name))) == expected


def test_a_copy_of_a_selection_has_its_texts_in_its_shards(written):
    materialise(str(written), "high", 3)
    copy = SpeechShards(corpus=written / "selected/high", **EVERYTHING)
    kept = SpeechShards(corpus=written, selection="high", split="*")
    assert sorted(told(clip_texts(copy))) == sorted(told(clip_texts(kept)))


def test_a_shard_that_the_table_does_not_know_is_told(written, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(written, corpus)
    write_rows(str(corpus), SEGMENT_TABLE, [], "quz")
    with pytest.raises(
        ArtifactError, match=r"expected quz-train_\d+_\d+ of its shards"
    ):
        list(clip_texts(shards(corpus, "one language")))
