"""A folder of chapters: the same from the same seed, and ready to be cut."""

import json

import numpy as np
import pytest
from scipy.signal import correlate

from aligner.audio import decode_audio
from pipelines.config import load_config
from pipelines.manifest import read_manifest
from pipelines.synth.corpus import (
    ChapterJob,
    make_chapters,
    write_corpus_toml,
    write_manifest,
)
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import ChapterOptions
from pipelines.synth.truth import read_truth
from pipelines.texts import read_chapter
from schemas.errors import ConfigError, KeyUnusable
from schemas.source import TextFormat

WAV = AudioFileOptions(format="wav", rate_hz=16_000)
# f2 breathes and m3 flutters: both are noise that has to come from the seed.
CLEAN = {
    "language": "swh",
    "minutes": 0.2,
    "words_per_verse": (4, 7),
    "drama": True,
    "voices": ("f2", "m3"),
    "title": True,
}
STUDIO = {"music_db": -12.0, "noise_db": -18.0, "reverb_sec": 0.3}


def job(recording_id: str = "swh-MAT-001", **options: object) -> ChapterJob:
    return ChapterJob(
        recording_id=recording_id,
        options=ChapterOptions(**{**CLEAN, **options}),
        audio=WAV,
        text_format=TextFormat.USFM,
        book="MAT",
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same chapter twice, with a studio's effects, and with another seed."""
    made = {}
    for name, jobs in {
        "first": [job(), job("swh-MAT-002", minutes=0.1)],
        "again": [job()],
        "studio": [job(**STUDIO)],
        "other seed": [job(seed=1)],
    }.items():
        made[name] = tmp_path_factory.mktemp(name)
        truths = list(make_chapters(jobs, made[name], workers=2))
        assert [t.recording_id for t in truths] == [j.recording_id for j in jobs]
    return made


def files(folder, recording_id="swh-MAT-001") -> dict[str, bytes]:
    return {
        f"{path.parent.name}{path.suffix}": path.read_bytes()
        for path in folder.glob(f"*/{recording_id}.*")
    }


def test_equal_seeds_give_equal_files_in_fresh_processes(folders):
    first = files(folders["first"])
    assert sorted(first) == ["audio.wav", "text.usfm", "truth.json"]
    assert first == files(folders["again"])


def test_other_seeds_and_other_recordings_say_something_else(folders):
    first = files(folders["first"])
    for other in (
        files(folders["other seed"]),
        files(folders["first"], "swh-MAT-002"),
    ):
        assert not first.items() & other.items()


def test_music_noise_and_reverb_move_nothing(folders):
    name = "swh-MAT-001"
    clean, studio = folders["first"], folders["studio"]
    truths = [json.loads(files(folder)["truth.json"]) for folder in (clean, studio)]
    options = [truth.pop("options") for truth in truths]
    assert truths[0] == truths[1]
    assert {k for k in options[0] if options[0][k] != options[1][k]} == set(STUDIO)
    before, after = (
        decode_audio(folder / "audio" / f"{name}.wav") for folder in (clean, studio)
    )
    for verse in read_truth(clean / "truth" / f"{name}.json").verses:
        part = slice(int(verse.start_sec * 16_000), int(verse.end_sec * 16_000))
        products = correlate(after[part], before[part], "full", method="fft")
        assert abs(int(np.argmax(products)) - (len(before[part]) - 1)) <= 2
    assert np.abs(after[:3000]).max() > 10 * np.abs(before[:3000]).max()


def test_the_manifest_and_configuration_can_be_read(folders):
    folder = folders["first"]
    jobs = [job(), job("swh-MAT-002", minutes=0.1)]
    manifest = write_manifest(jobs, folder, with_timing=True)
    config = load_config(write_corpus_toml(folder, "speech"))
    assert config.corpus.manifest == str(manifest)
    read = read_manifest(manifest)
    assert not read.rejects
    first, second = read.recordings
    assert (first.recording_id, second.recording_id) == ("swh-MAT-001", "swh-MAT-002")
    assert (first.language, first.book, first.chapter) == ("swh", "MAT", 1)
    assert (first.reader, first.drama, first.licence) == ("f2", True, "CC0-1.0")
    truth = read_truth(folder / "truth" / "swh-MAT-001.json")
    assert first.timing is not None
    assert first.timing.endswith("truth/swh-MAT-001.json")
    chapter = read_chapter(folder / "text" / "swh-MAT-001.usfm", first)
    assert [v.text for v in chapter.verses] == [v.text for v in truth.verses]
    seconds = len(decode_audio(folder / "audio" / "swh-MAT-001.wav")) / 16_000
    assert seconds == pytest.approx(truth.duration_sec, abs=1e-3)


def test_without_timing_the_manifest_asks_for_aligning(tmp_path):
    (tmp_path / "audio").mkdir()
    manifest = write_manifest([job()], tmp_path)
    assert read_manifest(manifest).recordings[0].timing is None


def test_a_chapter_that_cannot_be_made_stops_the_rest(tmp_path):
    wrong = job("bad", voices=("nobody", "m3"))
    jobs = [wrong, *(job(f"good-{k}") for k in range(8))]
    with pytest.raises(ConfigError, match="nobody"):
        list(make_chapters(jobs, tmp_path, workers=1))
    # Those that were already handed to the one process may still be made.
    assert len(list((tmp_path / "audio").iterdir())) < 4


def test_a_recording_id_that_leaves_the_folder_is_refused():
    with pytest.raises(KeyUnusable, match="recording_id"):
        job("../swh-001")
