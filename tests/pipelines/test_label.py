"""Labels of a small corpus, against the model itself and however it is run."""

import json
import math
import shutil
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from aligner.rates import LEAST_SEGMENTS
from models import load_acoustic_model
from models.bundled import load_bundled
from models.data import SpeechShards
from models.data.kept_clips import clip_table
from models.decoding.arpa import read_arpa, write_arpa
from models.decoding.ngram import NgramConfig, estimate_ngrams
from models.language_identifier import load_language_identifier
from models.networks.bundled import new_bundled_network
from models.vocabulary import Vocabulary
from pipelines.config import CorpusConfig, load_config
from pipelines.criteria import Criteria, Rule
from pipelines.label import LabelJob, prepare_labels, run_labels
from pipelines.label_config import LabelConfig, is_public
from pipelines.label_store import labels_dataset, read_summary
from pipelines.materialise import materialise
from pipelines.select import select_segments
from pipelines.shards import FOLDER
from pipelines.tables import read_segments
from pipelines.teacher import Teacher, teacher_name, teacher_of
from schemas.errors import ArtifactError, ConfigError
from schemas.labels import LABEL_TABLE, PseudoLabel
from schemas.tables import INDEX_TABLE, IndexEntry
from tests.models.tiny_wav2vec2 import save_plain, save_with_adapters
from tests.pipelines.corpora import Speech, contents, run_plainly, states, write_corpus
from tests.pipelines.forks import Forks

SETTINGS = (
    "[segment]\ntarget_sec = 1.5\nmin_sec = 0.5\nmax_sec = 4.0\n"
    "[unlabeled]\nmin_language_minutes = 0.0\n"
    "[shards]\nsamples_per_shard = 5\n"
)
UNREAD = {"swh-luk-001": "swh-unread", "rus-jhn-001": "rus-unread"}
"""Recordings that come once more without their text."""


@pytest.fixture(scope="module")
def toml(speech: Speech, tmp_path_factory) -> Path:
    """A finished corpus with recordings without text; tests only look at it."""
    folder = tmp_path_factory.mktemp("label")
    rows = speech.rows()
    for name, again in UNREAD.items():
        bare = {"recording_id": again, "text": "", "text_format": ""}
        rows.append({**speech.row(name), **bare})
    toml = write_corpus(folder, speech, rows, SETTINGS)
    assert run_plainly(toml) == 0
    run_labels(job_of(toml, "plain"), "plain")
    return toml


@pytest.fixture
def copy(toml: Path, tmp_path: Path) -> Path:
    """The same to be changed."""
    return Path(shutil.copytree(toml.parent, tmp_path / "copy")) / toml.name


def job_of(
    toml: Path, name: str, languages: Sequence[str] = (), **label: object
) -> LabelJob:
    config = load_config(toml)
    changed = replace(config, label=replace(config.label, **label))
    return prepare_labels(changed, name, languages)


def labels_of(toml: Path, name: str = "plain") -> list[PseudoLabel]:
    table = labels_dataset(str(toml.parent / "corpus"), name).to_table()
    return list(LABEL_TABLE.records(table))


def entries(corpus: Path, lane: str) -> Iterator[tuple[Path, IndexEntry]]:
    for index in sorted((corpus / FOLDER / lane).rglob("index-*.parquet")):
        for entry in INDEX_TABLE.records(pq.read_table(index, partitioning=None)):
            yield corpus / entry.shard, entry


def test_every_clip_without_text_has_a_label(toml):
    labels = labels_of(toml)
    segments = list(read_segments(str(toml.parent / "corpus")))
    wanted = {s.key: s for s in segments if s.source}
    assert wanted
    assert [label.key for label in labels] == sorted(wanted)
    written = {
        code: {x for s in segments if s.language == code for x in s.romanised}
        for code in ("rus", "swh")
    }
    for label in labels:
        own = wanted[label.key]
        assert (label.recording_id, label.split) == (own.recording_id, own.split)
        assert label.source == own.source
        assert label.text
        assert set(label.text) <= written[label.language]
        assert 0 < label.posterior <= 1
        assert label.is_feasible
        assert not label.is_empty
        assert 0 < label.sampled_cer < 1
        assert 0 < label.expected_cer < 1
        assert label.script_share == 1.0
        letters = len(label.text) / label.duration_sec
        assert label.chars_per_sec == pytest.approx(letters, abs=1e-5)
        # The bundled model writes no spaces, and nobody was asked for the rest.
        assert all(map(math.isnan, (label.words_per_sec, label.lm_score)))
        assert (label.lid_language, math.isnan(label.lid_score)) == ("", True)


def test_the_text_is_the_teachers_best_path(toml):
    model = load_bundled("cpu")
    closed = {}
    for code in ("rus", "swh"):
        letters = {
            model.labels.index(letter)
            for segment in read_segments(str(toml.parent / "corpus"), code)
            for letter in segment.romanised.replace(" ", "")
        }
        closed[code] = sorted(set(range(len(model.labels))) - letters - {model.blank})
    shards = SpeechShards(
        corpus=toml.parent / "corpus", split="*", selection=None,
        lane="unlabeled", labels="plain",
    )  # fmt: skip
    clips = list(shards.in_order())
    assert len(clips) == len(labels_of(toml))
    for clip in clips:
        logs = model.log_probs(model.normaliser(clip.samples)(clip.samples)[None])[0]
        logs[:, closed[clip.row["language"]]] = -np.inf
        best = logs.argmax(axis=1)
        first = np.append(True, best[1:] != best[:-1])
        heard = "".join(model.labels[k] for k in best[first & (best != model.blank)])
        assert clip.text == heard


def test_beam_writes_the_same_bytes(toml, copy):
    output = copy.parent / "corpus"
    before = contents(output)
    shutil.rmtree(output / "labels")
    shutil.rmtree(output / "store/label")
    run_labels(job_of(copy, "plain"), "FnApiRunner")
    assert contents(output) == before


def test_killed_anywhere_it_ends_with_the_same_bytes(toml, copy, forks: Forks):
    output = copy.parent / "corpus"
    before = contents(output)
    for name in ("labels", "store/label", "store/label_unit"):
        shutil.rmtree(output / name)
    arguments = ("label", copy, "--name", "plain", "--runner", "plain")
    for at in (2, 6):
        ended = forks.run(*arguments, kill_at=at)
        assert ended.status == -signal.SIGKILL, ended.stderr
    assert not (output / "labels/plain.json").exists()
    assert forks.run(*arguments).status == 0
    (output / "digests/labels.txt").unlink()  # the command alone lists what it wrote
    assert contents(output) == before
    # A second time nothing is heard.
    heard = states(output / "store")
    assert forks.run(*arguments).status == 0
    assert states(output / "store") == heard


def test_what_a_selection_rejects_is_labeled_too(copy):
    root = str(copy.parent / "corpus")
    labeled = [s for s in read_segments(root) if not s.source]
    middle = sorted(segment.duration_sec for segment in labeled)[len(labeled) // 2]
    select_segments(root, "short", Criteria((Rule(f"duration_sec < {middle}"),)))
    run_labels(job_of(copy, "more", rejected_by="short"), "plain")
    found = labels_of(copy, "more")
    own = {label.key for label in found if label.source == "rejected"}
    assert own == {s.key for s in labeled if s.duration_sec >= middle}
    assert {label.key for label in labels_of(copy)} | own == {x.key for x in found}


def test_a_damaged_clip_is_named_and_the_others_are_labeled(copy, command):
    corpus = copy.parent / "corpus"
    tar, entry = next(entries(corpus, "unlabeled"))
    whole = tar.read_bytes()
    data = bytearray(whole)
    data[entry.offset + 512 : entry.offset + 800] = bytes(288)
    tar.write_bytes(bytes(data))
    shutil.rmtree(corpus / "store/label")
    ended = command("label", copy, "--name", "plain", "--runner", "plain", "--json")
    assert ended.status == 3, ended.err
    (reject,) = json.loads(ended.out)["rejects"]
    assert (reject["key"], reject["reason"]) == (entry.key, "audio_unreadable")
    assert entry.shard in reject["message"]
    wanted = {entry.key for _, entry in entries(corpus, "unlabeled")}
    assert {label.key for label in labels_of(copy)} == wanted - {entry.key}
    tar.write_bytes(whole)
    assert command("label", copy, "--name", "plain", "--runner", "plain").status == 0
    assert {label.key for label in labels_of(copy)} == wanted


def test_a_shard_cut_in_half_is_named(copy):
    tar, _ = next(entries(copy.parent / "corpus", "unlabeled"))
    tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    with pytest.raises(ArtifactError, match=tar.name):
        job_of(copy, "plain")


def test_a_shard_that_is_gone_is_missed(copy):
    tar, _ = next(entries(copy.parent / "corpus", "unlabeled"))
    for path in tar.parent.iterdir():
        path.unlink()
    with pytest.raises(ArtifactError, match=r"expected the clip"):
        job_of(copy, "plain")


def test_copies_of_labels_have_them_as_text(copy):
    root = copy.parent / "corpus"
    labels = labels_of(copy)
    middle = sorted(label.posterior for label in labels)[len(labels) // 2]
    rules = (Rule(f"posterior >= {middle}"),)
    select_segments(str(root), "sure", Criteria(rules, labels="plain"))
    made = materialise(str(root), "sure", 3)
    shards = SpeechShards(corpus=Path(made.folder), split="*", selection=None)
    copied = {clip.key: clip for clip in shards.in_order()}
    assert {key: clip.text for key, clip in copied.items()} == {
        label.key: label.text for label in labels if label.posterior >= middle
    }
    own = replace(shards, corpus=root, lane="unlabeled")
    for clip in own.in_order():
        assert clip.key not in copied or clip.flac == copied[clip.key].flac
    assert materialise(str(root), "sure", 3).written == 0
    chosen = replace(own, labels="plain", selection="sure")
    assert {clip.key for clip in chosen.in_order()} == set(copied)
    assert len(clip_table([chosen], 0, 30)) == len(copied)
    with pytest.raises(ConfigError, match="labels 'other', got one of 'plain'"):
        replace(chosen, labels="other").verdicts()
    with pytest.raises(ConfigError, match="'sure', which is of the labels 'plain'"):
        job_of(copy, "more", rejected_by="sure")
    run_labels(job_of(copy, "plain", known_clips=0), "plain")
    with pytest.raises(ArtifactError, match="changed since"):
        materialise(str(root), "sure", 3)
    with pytest.raises(ArtifactError, match="changed since"):
        chosen.verdicts()
    with pytest.raises(ArtifactError, match="changed since"):
        clip_table([chosen], 0, 30)


def test_a_copied_label_is_no_read_text(copy):
    """Of a rejected segment not even the words of its own text are left."""
    root = copy.parent / "corpus"
    select_segments(str(root), "none", Criteria((Rule("false"),)), allow_empty=True)
    run_labels(job_of(copy, "more", rejected_by="none"), "plain")
    rules = (Rule("not is_empty"),)
    select_segments(str(root), "heard", Criteria(rules, labels="more"))
    folder = Path(materialise(str(root), "heard", 100).folder)
    shards = SpeechShards(corpus=folder, split="*", selection=None)
    rows = {clip.key: clip.row for clip in shards.in_order()}
    labels = {label.key: label for label in labels_of(copy, "more")}
    assert {rows[key]["source"] for key in rows} == {"recording", "rejected"}
    for key, row in rows.items():
        assert (row["source"], row["text"]) == (labels[key].source, labels[key].text)
        assert (row["romanised"], row["words"]) == ("", [])


def test_a_language_model_and_an_identifier_are_asked(copy, tmp_path):
    pytest.importorskip("flashlight.lib.text", reason="the extra lm is not installed")
    corpus = copy.parent / "corpus"
    texts = [list(s.romanised.replace(" ", "")) for s in read_segments(str(corpus))]
    arpa, folder = tmp_path / "lm.arpa", tmp_path / "identifier"
    write_arpa(estimate_ngrams(texts, NgramConfig(order=2)), arpa)
    letters = Vocabulary(("", "a", "b"), 0, None)
    new_bundled_network("tiny", letters, ("deu", "swh")).save_pretrained(folder)
    asked = {"lm": str(arpa), "identifier": str(folder), "known_clips": 0}
    run_labels(job_of(copy, "asked", **asked), "plain")
    lm, identifier = read_arpa(arpa), load_language_identifier(str(folder), "cpu")
    shards = SpeechShards(
        corpus=corpus, split="*", selection=None, lane="unlabeled", labels="asked"
    )
    samples = {clip.key: clip.samples for clip in shards.in_order()}
    for label in labels_of(copy, "asked"):
        assert label.decoder.startswith("beam 100, alpha 0.5")
        score = lm.text_log_prob(label.text) / len(label.text)
        assert label.lm_score == pytest.approx(score, abs=1e-5)
        heard = identifier.identify(samples[label.key])
        assert label.lid_language == max(heard, key=heard.__getitem__)
        # Nobody taught it Russian.
        own = heard.get(label.language, math.nan)
        assert label.lid_score == pytest.approx(own, abs=1e-5, nan_ok=True)


def test_a_teacher_of_words_writes_in_the_letters_of_the_language(copy, tmp_path):
    save_plain(tmp_path / "native", letters="абвгдежзиклмнопрстуфы")
    job = job_of(
        copy, "native", ["rus"], teacher=f"hf:{tmp_path}/native", known_clips=0
    )
    run_labels(job, "plain")
    labels = labels_of(copy, "native")
    assert {label.language for label in labels} == {"rus"}
    segments = list(read_segments(str(copy.parent / "corpus"), "rus"))
    letters = {letter for s in segments for letter in s.text.lower()}
    texts = [s for s in segments if s.text]
    median = np.median([len(s.words) / s.duration_sec for s in texts])
    for label in labels:
        words = label.text.split()
        assert words
        assert label.text == " ".join(words)
        assert set(label.text) <= letters
        assert label.words_per_sec == pytest.approx(
            len(words) / label.duration_sec, abs=1e-5
        )
        assert (label.words_per_sec_z > 0) == (label.words_per_sec > median) or (
            len(texts) < LEAST_SEGMENTS and math.isnan(label.words_per_sec_z)
        )
        assert 0 <= label.repeated_share <= 1
        assert (label.script, label.script_share) == ("Cyrl", 1.0)


def test_each_language_has_its_own_adapter(copy, tmp_path):
    save_with_adapters(tmp_path / "mms")
    teacher = f"hf:{tmp_path}/mms#{{language}}"
    asked = {"teacher": teacher, "known_clips": 0}
    run_labels(job_of(copy, "adapted", ["swh"], **asked), "plain")
    model = load_acoustic_model(f"hf:{tmp_path}/mms#swh", "cpu")
    labels = labels_of(copy, "adapted")
    assert {label.teacher for label in labels} == {model.fingerprint}
    with pytest.raises(ArtifactError, match=r"adapter\.rus"):
        run_labels(job_of(copy, "adapted", ["rus"], **asked), "plain")


def test_trust_says_what_it_was_learnt_from(toml, copy):
    trust = read_summary(str(toml.parent / "corpus"), "plain")["trust"]
    assert trust["clips"] >= 20
    assert trust["other_recordings"]["clips"] == trust["clips"]
    assert 0 < trust["other_recordings"]["mean_absolute_error"] < 0.3
    run_labels(job_of(copy, "blind", known_clips=0), "plain")
    blind = read_summary(str(copy.parent / "corpus"), "blind")
    assert "20 or more" in blind["trust"]["note"]
    assert "got 0:" in blind["trust"]["note"]
    labels = labels_of(copy, "blind")
    assert all(math.isnan(label.expected_cer) for label in labels)
    assert [x.text for x in labels] == [x.text for x in labels_of(toml)]


def test_each_thread_keeps_its_teacher(toml):
    """Languages that are heard side by side do not drop each other's models."""
    root = str(toml.parent / "corpus")

    def teacher(language: str) -> Teacher:
        return teacher_of(root, language, "bundled", "cpu", LabelConfig())

    swahili = teacher("swh")
    with ThreadPoolExecutor(1) as pool:
        russian = pool.submit(teacher, "rus").result()
        assert russian.model is swahili.model
        assert teacher("swh") is swahili
        assert pool.submit(teacher, "swh").result() is swahili


def test_silence_is_an_empty_label_of_no_worth(toml):
    root = str(toml.parent / "corpus")
    teacher = teacher_of(root, "swh", "bundled", "cpu", LabelConfig())
    heard = teacher.hear(np.zeros(32_000, np.float32), 1)
    assert heard.text == ""
    assert math.isnan(heard.certainty.posterior)


def test_a_language_without_texts_may_have_all_letters(toml):
    root = str(toml.parent / "corpus")
    teacher = teacher_of(root, "deu", "bundled", "cpu", LabelConfig())
    assert teacher.letters == frozenset()
    assert teacher.spelled("Zwei Boote, zwölf") == "zweibootezwoelf"
    assert teacher.spelled("Kapitel 3") == ""


def test_teachers_from_elsewhere_are_trusted_by_all_clips(tmp_path):
    assert teacher_name("hf:some/model#{language}", "srp-Cyrl") == "hf:some/model#srp"
    assert is_public("hf:some/model#swh")
    assert not is_public(f"hf:{tmp_path}#swh")
    config = LabelConfig()
    assert config.splits("bundled") == ("train", "dev", "test")
    assert config.splits("bundled:tuned.safetensors") == ("dev", "test")
    assert LabelConfig(known_from="held-out").splits("bundled") == ("dev", "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lm": "nowhere.arpa"}, "ARPA"),
        ({"rejected_by": "nobody"}, "nobody"),
        ({"teacher": "bundle"}, "bundle"),
    ],
)
def test_what_is_not_there_is_told(toml, changes, message):
    with pytest.raises(ConfigError, match=message):
        run_labels(job_of(toml, "x", **changes), "plain")


def test_languages_and_names_are_checked(toml):
    config: CorpusConfig = load_config(toml)
    with pytest.raises(ConfigError, match="in deu"):
        prepare_labels(config, "x", ["deu"])
    with pytest.raises(ConfigError, match="1 to 64"):
        prepare_labels(config, "../x")
