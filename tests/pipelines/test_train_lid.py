"""`pericope train lid` from shards to an identifier: tones stand for languages."""

import csv
from collections import Counter

import numpy as np
import pytest

from models.data import SpeechShards
from models.language_identifier import load_language_identifier
from pipelines.train_lid import sources_of
from tests.models.shards import (
    flac_of,
    sample_key,
    shard_path,
    write_selection,
    write_tar,
)

NOTES_HZ = {"eng": 500, "hin": 1100, "swh": 2600}


def sample(language: str, number: int, row: str) -> dict[str, bytes]:
    rng = np.random.default_rng(number)
    seconds = np.arange(12_000) / 16_000
    samples = 0.2 * np.sin(2 * np.pi * NOTES_HZ[language] * seconds)
    samples += 0.02 * rng.standard_normal(len(samples))
    return {"flac": flac_of(samples), "json": row.encode()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two languages with text, one without."""
    root = tmp_path_factory.mktemp("lid")
    verdicts = {}
    for language in NOTES_HZ:
        has_text = language != "swh"
        for split, clips in (("train", 12), ("dev", 3)):
            path = shard_path(root, language, split)
            row = '{"language": "%s", "source": "%s"}'
            if not has_text:
                path = (
                    root
                    / "shards/unlabeled"
                    / path.relative_to(root / "shards/labeled")
                )
            samples = {}
            for number in range(clips):
                source = "" if has_text else "recording"
                seed = number + 100 * (split == "dev")
                made = sample(language, seed, row % (language, source))
                key = sample_key(f"{language}-{split}", number, made)
                samples[key] = made
                if has_text:
                    samples[key]["txt"] = b"a"
                    verdicts[key] = True
            write_tar(path, samples)
    counts = Counter(key[:3] for key in verdicts)
    write_selection(root, "default", verdicts, counts)
    return root


def test_from_shards_to_an_identifier(corpus, tmp_path, command):
    folder = tmp_path / "lid"
    arguments = ("train", "lid", corpus, folder, "--model", "conformer:tiny",
                 "--steps", 24, "--batch-sec", 9, "--crop-sec", 0.6, "--validate-every",
                 12, "--checkpoint-every", 12, "--workers", 0, "--no-varied",
                 "--learning-rate", 5e-3)  # fmt: skip
    done = command(*arguments)
    assert done.status == 0, done.err
    assert "of 9 clips told right" in done.out
    with (folder / "confusion.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["true"] for row in rows] == ["eng", "hin", "swh"]
    assert all(int(row["clips"]) == 3 for row in rows)
    identifier = load_language_identifier(str(folder / "model"), "cpu")
    assert identifier.languages == ("eng", "hin", "swh")
    right = [
        clip.language == max(found := identifier.identify(clip.samples), key=found.get)
        for source in sources_of([corpus], ["labeled", "unlabeled"], "dev")
        for clip in source.in_order()
    ]
    told = sum(right) / len(right)
    assert f"{told:.1%} of 9 clips" in done.out
    assert told > 0.8
    again = command(*arguments)
    assert again.status == 0, again.err
    assert again.out == done.out


def test_the_lanes_that_a_corpus_has(corpus):
    both = sources_of([corpus], ["labeled", "unlabeled"], "train")
    assert both == [
        SpeechShards(corpus=corpus, language=("eng", "hin")),
        SpeechShards(
            corpus=corpus, lane="unlabeled", selection=None, language=("swh",)
        ),
    ]
    assert sources_of([corpus], ["unlabeled"], "test") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--language", "eng"), "two languages or more, got eng"),
        (("--language", "deu"), "there are none"),
        (("--crop-sec", 0), "--crop-sec: expected above 0"),
        (("--lane", "unlabeled"), "two languages or more, got swh"),
    ],
)
def test_trainings_that_cannot_be(corpus, tmp_path, command, options, message):
    done = command("train", "lid", corpus, tmp_path / "lid", *options)
    assert done.status == 2
    assert message in " ".join(done.err.split())


def test_paths_that_are_missing(corpus, command):
    done = command("train", "lid", corpus)
    assert done.status == 2
