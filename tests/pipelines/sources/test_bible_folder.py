import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.sources.bible_folder import BibleFolder
from pipelines.sources.gather import gather
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import list_sources
from pipelines.texts import read_chapter
from schemas.errors import ConfigError, InputError
from schemas.source import TextFormat

USFM = (
    "\\id {book} test\n\\c 1\n\\p\n\\v 1 Mvua.\n\\v 2 Jua.\n\\c 2\n\\p\n\\v 1 Upepo.\n"
)
USX = """<?xml version="1.0"?><usx version="3.0"><book code="MAT" style="id"/>
<chapter number="1" style="c"/><para style="p"><verse number="1" style="v"/>Mvua.
</para></usx>"""


@pytest.fixture
def options(tmp_path) -> SourceOptions:
    return SourceOptions(output=tmp_path / "out", language="swh")


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def audio(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(8_000, np.float32), 16_000)


def text(folder: Path, name: str, content: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)


def listed(place: Path | str, options: SourceOptions):
    return list_sources([BibleFolder(str(place), options)])


def fetched(place: Path | str, options: SourceOptions) -> dict[str, list[str]]:
    """Return the verses that a run would read, by recording."""
    gathered = gather(listed(place, options), options, lambda _: None)
    assert gathered.rejects == ()
    return {
        item.recording.recording_id: [
            f"{verse.number} {verse.text}"
            for verse in read_chapter(item.recording.text, item.recording).verses
        ]
        for item in gathered.recordings
    }


def test_names_of_faith_comes_by_hearing(folder, options):
    audio(folder, "B02___01_Mark________SWHABCN2DA.wav", "SWHABCN2DA_B002_MRK_002.wav")
    text(folder, "text/41MRKswh.usfm", USFM.format(book="MRK"))
    options = replace(options, language="", licence="CC BY 4.0", reader="A")
    first, second = (item.recording for item in listed(folder, options).items)
    assert first.recording_id == "SWHABCN2DA_MRK_001"
    assert (first.language, first.version, first.drama) == ("swh", "ABC", True)
    assert (first.book, first.chapter, second.chapter) == ("MRK", 1, 2)
    assert (first.licence, first.reader) == ("CC BY 4.0", "A")
    assert first.text_format is TextFormat.USFM
    assert fetched(folder, options) == {
        "SWHABCN2DA_MRK_001": ["1 Mvua.", "2 Jua."],
        "SWHABCN2DA_MRK_002": ["1 Upepo."],
    }


def test_sizes_and_lengths_are_known(folder, options):
    audio(folder, "MAT_1.wav")
    (item,) = listed(folder, options).items
    assert item.duration_sec == 0.5
    assert item.audio_bytes == (folder / "MAT_1.wav").stat().st_size


@pytest.mark.parametrize(
    ("name", "content", "text_format"),
    [
        ("040MAT.usx", USX, TextFormat.USX),
        ("some.SFM", USFM.format(book="MAT"), TextFormat.USFM),
        ("swh_vpl.txt", "MAT 1:1 Mvua.\nMRK 1:1 x\n", TextFormat.VPL),
        ("swh_070_MAT_01_read.txt", "Mvua.\n", TextFormat.PLAIN),
    ],
)
def test_texts_of_all_formats_are_found(folder, options, name, content, text_format):
    audio(folder, "MAT_1.wav")
    text(folder, name, content)
    (item,) = listed(folder, options).items
    assert item.recording.text_format is text_format
    assert fetched(folder, options)["swh_MAT_001"][0] == "1 Mvua."


def test_books_of_verse_per_line_files_have_their_usual_codes(folder, options):
    audio(folder, "JHN_1.wav", "MRK_2.wav")
    text(folder, "swh_vpl.txt", "MAR 1:1 x\nMAR 2:1 Jua.\nJOH 1:1 Mvua.\nJOH 1:2 Ziwa.")
    assert fetched(folder, options) == {
        "swh_JHN_001": ["1 Mvua.", "2 Ziwa."], "swh_MRK_002": ["1 Jua."]
    }  # fmt: skip


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_corpus_aligned_by_vref(folder, options, end):
    audio(folder, "audio/GEN_1.wav")
    text(folder, "corpus/vref.txt", f"GEN 1:1\nGEN 1:2\nGEN 1:3{end}")
    text(folder, "corpus/swh-abc.txt", "Mvua.\n<range>\nJua.\n")
    assert fetched(folder, options) == {"swh_GEN_001": ["1-2 Mvua.", "3 Jua."]}


def test_texts_may_lie_elsewhere(folder, options, tmp_path):
    audio(folder, "MAT_1.wav")
    text(tmp_path, "texts/MAT.usx", USX)
    assert listed(folder, options).items[0].recording.text is None
    there = replace(options, text=str(tmp_path / "texts"))
    assert fetched(folder, there) == {"swh_MAT_001": ["1 Mvua."]}
    with pytest.raises(ConfigError, match="expected texts in USFM, USX"):
        listed(folder, replace(options, text=str(folder)))


def test_files_of_one_name_are_two_texts(folder, options, tmp_path):
    audio(folder, "a/MAT_1.wav")
    audio(tmp_path / "other", "MAT_1.wav")
    text(folder, "a/vpl.txt", "MAT 1:1 Mvua.\n")
    text(tmp_path, "other/vpl.txt", "MAT 1:1 Jua.\n")
    assert fetched(folder, options) == {"swh_MAT_001": ["1 Mvua."]}
    other = replace(options, version="DEF")
    assert fetched(tmp_path / "other", other) == {"swh_DEF_MAT_001": ["1 Jua."]}


def test_of_two_texts_the_version_decides(folder, options):
    audio(folder, "MAT_1.wav")
    text(folder, "SWHABC/MAT.usx", USX)
    text(folder, "SWHDEF/MAT.usx", USX.replace("Mvua", "Jua"))
    (reject,) = listed(folder, options).rejects
    assert (reject.key, reject.reason) == ("MAT_1", "text_ambiguous")
    assert "SWHABC" in reject.message and "SWHDEF" in reject.message
    chosen = replace(options, version="DEF")
    assert fetched(folder, chosen) == {"swh_DEF_MAT_001": ["1 Jua."]}


def test_a_passage_has_the_text_of_its_verses_alone(folder, options):
    audio(folder, "SWHABCP1DA_B002_MRK_001_002-002_001.wav",
          "SWHABCP1DA_B002_MRK_001_001-001_001.wav")  # fmt: skip
    text(folder, "MRK.usfm", USFM.format(book="MRK"))
    assert fetched(folder, options) == {
        "SWHABCP1DA_MRK_001_001-001_001": ["1 Mvua."],
        "SWHABCP1DA_MRK_001_002-002_001": ["1:2 Jua.", "2:1 Upepo."],
    }


def test_what_cannot_be_used_is_named(folder, options):
    audio(
        folder,
        "MAT_1.wav",
        "again/MAT_01.wav",
        "intro.wav",
        "XZQABCN1DA_B001_MAT_002.wav",
    )
    listing = listed(folder, replace(options, language=""))
    assert {reject.key: reject.reason for reject in listing.rejects} == {
        "MAT_1": "language_unknown",
        "MAT_01": "language_unknown",
        "intro": "name_unclear",
        "XZQABCN1DA_B001_MAT_002": "language_unknown",
    }
    twice = {reject.key: reject.reason for reject in listed(folder, options).rejects}
    assert twice == {"intro": "name_unclear", "swh_MAT_001": "duplicate_recording"}


def test_names_that_a_manifest_cannot_hold_are_refused(folder, options):
    audio(folder, "new\nline/MAT_1.wav")
    (reject,) = listed(folder, options).rejects
    assert reject.reason == "name_unclear" and "\\n" in reject.message


def test_what_is_no_file_is_named_and_the_rest_goes_on(folder, options):
    audio(folder, "MAT_1.wav")
    text(folder, "MAT.usx", USX)
    (folder / "MAT_2.wav").symlink_to("nowhere.wav")
    (folder / "MRK.usx").symlink_to("nowhere.usx")
    os.mkfifo(folder / "MAT_3.wav")  # whoever opens one waits for ever
    os.mkfifo(folder / "LUK.usx")
    listing = listed(folder, options)
    assert [item.recording.recording_id for item in listing.items] == ["swh_MAT_001"]
    assert {reject.key: reject.reason for reject in listing.rejects} == {
        "MAT_2": "source_missing", "MAT_3": "source_missing"
    }  # fmt: skip


def test_a_folder_without_audio_is_refused(folder, options):
    with pytest.raises(ConfigError, match="expected audio"):
        listed(folder, options)
    with pytest.raises(ConfigError, match="there is none"):
        listed(folder / "nowhere", options)


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return archive


@pytest.mark.parametrize("inside", ["", "out"])
def test_what_is_written_is_not_found_as_a_source(folder, options, inside):
    audio(folder, "MAT_1.wav")
    text(folder, "swh_vpl.txt", "MAT 1:1 Mvua.\n")
    with pytest.raises(ConfigError, match="outside of it"):
        listed(folder, replace(options, output=folder / inside))


def test_archives_are_unpacked_once(folder, options, tmp_path):
    audio(folder, "audio/MAT_1.wav")
    text(folder, "release/MAT.usx", USX)
    archive = zipped(folder, tmp_path / "yo_MAT_wav.zip")
    expected = fetched(folder, options)
    assert fetched(archive, options) == expected
    unpacked = [path for path in options.output.rglob("*.wav")]
    before = [path.stat().st_ino for path in unpacked]
    assert fetched(archive, options) == expected
    assert [path.stat().st_ino for path in unpacked] == before


def test_archives_of_audio_and_of_text(folder, options, tmp_path):
    audio(folder / "a", "MAT_1.wav")
    text(folder / "t", "USX_1/MAT.usx", USX)
    sound = zipped(folder / "a", tmp_path / "audio.zip")
    words = zipped(folder / "t", tmp_path / "text.zip")
    there = replace(options, text=str(words))
    assert fetched(sound, there) == {"swh_MAT_001": ["1 Mvua."]}


def test_an_archive_that_leads_out_is_refused(folder, options, tmp_path):
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../MAT_1.wav", b"x")
    with pytest.raises(InputError, match="leads out"):
        listed(archive, options)
    assert not list(tmp_path.rglob("MAT_1.wav"))


def test_a_remote_archive_is_fetched_first(folder, options, tmp_path, server):
    audio(folder, "MAT_1.wav")
    text(folder, "MAT.usx", USX)
    server.content = zipped(folder, tmp_path / "a.zip").read_bytes()
    server.script = [server.serve(limit=100)]
    quick = replace(options, limits=replace(options.limits, backoff_sec=0.001))
    assert fetched(server.url("/bible.zip"), quick) == {"swh_MAT_001": ["1 Mvua."]}
    shutil.rmtree(folder)
    assert len(server.requests) == 2
