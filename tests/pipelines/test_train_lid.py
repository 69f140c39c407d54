"""`pericope train lid` from shards to an identifier: tones stand for languages."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch

from models.data import SpeechShards
from models.language_identifier import load_language_identifier
from models.network import BLANK, LABELS
from models.networks.bundled import new_bundled_network
from models.vocabulary import Vocabulary
from pipelines.train_lid import sources_of
from tests.models.shards import (
    flac_of,
    sample_key,
    shard_path,
    write_selection,
    write_tar,
)

NOTES_HZ = {"eng": 500, "hin": 1100, "swh": 2600}
WITH_TEXT = ("eng", "hin")
LETTERS = Vocabulary(LABELS, BLANK, None)


def sample(language: str, number: int) -> dict[str, bytes]:
    rng = np.random.default_rng(number)
    seconds = np.arange(12_000) / 16_000
    samples = 0.2 * np.sin(2 * np.pi * NOTES_HZ[language] * seconds)
    samples += 0.02 * rng.standard_normal(len(samples))
    source = "" if language in WITH_TEXT else "recording"
    row = {"language": language, "source": source}
    made = {"flac": flac_of(samples), "json": json.dumps(row).encode()}
    return {**made, "txt": b"a"} if language in WITH_TEXT else made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two languages with text, one without."""
    root = tmp_path_factory.mktemp("lid")
    kept = {}
    for language in NOTES_HZ:
        lane = "labeled" if language in WITH_TEXT else "unlabeled"
        for split, clips in (("train", 12), ("dev", 3)):
            samples = {}
            for number in range(clips):
                made = sample(language, number + 100 * (split == "dev"))
                key = sample_key(f"{language}-{split}", number, made)
                samples[key] = made
            write_tar(shard_path(root, language, split, lane=lane), samples)
            if language in WITH_TEXT:
                kept |= dict.fromkeys(samples, True)
    write_selection(root, "default", kept, dict.fromkeys(WITH_TEXT, 15))
    return root


def test_from_shards_to_an_identifier(corpus, tmp_path, command):
    folder = tmp_path / "lid"
    torch.manual_seed(0)
    new_bundled_network("tiny", LETTERS).save_pretrained(tmp_path / "start")
    arguments = ("train", "lid", corpus, folder, "--model",
                 f"bundled:{tmp_path / 'start'}",
                 "--steps", 6, "--batch-sec", 9, "--crop-sec", 0.6, "--validate-every",
                 3, "--checkpoint-every", 3, "--workers", 0, "--no-varied",
                 "--learning-rate", 1e-3)  # fmt: skip
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


def test_a_selection_that_keeps_nothing_is_told(corpus, tmp_path, command):
    root = tmp_path / "corpus"
    shutil.copytree(corpus, root)
    clips = SpeechShards(corpus=root, split="*", selection=None).in_order()
    rejected = {clip.key: "-dev_" in clip.key for clip in clips}
    write_selection(root, "default", rejected, dict.fromkeys(WITH_TEXT, 15))
    done = command("train", "lid", root, tmp_path / "lid", "--lane", "labeled",
                   "--steps", 1, "--workers", 0)  # fmt: skip
    assert done.status == 2, done.err
    assert "expected clips of 0 to 30 s, found none" in " ".join(done.err.split())
