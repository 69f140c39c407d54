from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.licences import is_commercially_clean
from pipelines.sources.gather import gather
from pipelines.sources.librivox_folder import LibrivoxFolder
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import list_sources
from pipelines.texts import read_chapter
from schemas.errors import ConfigError


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "boats of wood").mkdir()
    return tmp_path / "boats of wood"


@pytest.fixture
def options(tmp_path) -> SourceOptions:
    return SourceOptions(output=tmp_path / "out", language="eng")


def audio(folder: Path, *names: str) -> None:
    for name in names:
        soundfile.write(folder / name, np.zeros(8_000, np.float32), 16_000)


def listed(folder: Path, options: SourceOptions):
    return list_sources([LibrivoxFolder(str(folder), options)])


def test_sections_are_read_with_a_paragraph_a_line(folder, options):
    audio(folder, "boats_01_doe_64kb.wav", "boats_02_doe_64kb.wav")
    (folder / "boats_01_doe.txt").write_text("A boat\nof wood.\n\n  \nAnother\nboat.\n")
    (folder / "02.txt").write_text("One line.\nAnother line.\n")
    gathered = gather(listed(folder, options), options, lambda _: None)
    assert gathered.rejects == ()
    recordings = [item.recording for item in gathered.recordings]
    assert [(r.recording_id, r.book, r.chapter) for r in recordings] == [
        ("boats-of-wood_001", "BOATS-OF-WOOD", 1),
        ("boats-of-wood_002", "BOATS-OF-WOOD", 2),
    ]
    texts = [
        [verse.text for verse in read_chapter(r.text or "", r).verses]
        for r in recordings
    ]
    assert texts == [
        ["A boat of wood.", "Another boat."],
        ["One line.", "Another line."],
    ]
    assert all(is_commercially_clean(r.licence) for r in recordings)


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("boats_07_doe", 7),
        ("boats_vol_1_07_doe_128kb", 7),
        ("07", 7),
        ("boats 7", 7),
        ("20000boats_07_1869_doe", 7),
    ],
)
def test_the_number_in_a_name_is_the_section(folder, options, name, section):
    audio(folder, f"{name}.wav")
    (item,) = listed(folder, options).items
    assert item.recording.chapter == section
    assert item.recording.text is None


def test_what_cannot_be_used_is_named(folder, options):
    audio(folder, "preface.wav", "boats_01_doe.wav")
    (folder / "1_a.txt").write_text("A boat.")
    (folder / "01_b.txt").write_text("A boat.")
    assert [reject.reason for reject in listed(folder, options).rejects] == [
        "text_ambiguous", "name_unclear"
    ]  # fmt: skip


def test_the_language_must_be_named(folder, options):
    audio(folder, "boats_01_doe.wav")
    with pytest.raises(ConfigError, match="expected --language"):
        listed(folder, replace(options, language=""))
