import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.fetch_limits import FetchLimits
from pipelines.sources.bible_brain import BibleBrain
from pipelines.sources.gather import gather
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import list_sources
from pipelines.texts import read_chapter
from schemas.errors import ConfigError, SourceMissing
from schemas.source import TextFormat
from tests.pipelines.sources.bible_brain_server import KEY, Bible, Book, answer_with

USX = """<?xml version="1.0"?><usx version="3.0"><book code="MRK" style="id"/>
<chapter number="1" style="c"/><para style="p"><verse number="1" style="v"/>Mvua.
<verse number="2" style="v"/>Jua.</para>
<chapter number="2" style="c"/><para style="p"><verse number="1" style="v"/>Upepo.
<verse number="2" style="v"/>Ziwa.</para></usx>"""
AUDIO = {"id": "SWHABCN1DA", "type": "audio", "size": "NT"}
DRAMA = {"id": "SWHABCN2DA", "type": "audio_drama", "size": "NT"}
STREAM = {"id": "SWHABCN1SA", "type": "audio_stream", "size": "NT"}
OPUS = {"id": "SWHABCN1DA-opus16", "type": "audio", "size": "NT"}
TEXT = {"id": "SWHABC", "type": "text_plain", "size": "NT"}
TEXT_USX = {"id": "SWHABCN_ET-usx", "type": "text_usx", "size": "NT"}
VERSES = [
    {"book_id": "MRK", "chapter": 1, "verse_start": 1, "verse_end": 1,
     "verse_text": "Mvua \n ndogo."},
    {"book_id": "MRK", "chapter": 1, "verse_start": "2", "verse_end": "3",
     "verse_text": "Jua kali."},
    {"book_id": "MRK", "chapter": 2, "verse_start": "1", "verse_end": None,
     "verse_text": "Upepo."},
]  # fmt: skip


@pytest.fixture
def bible(bible_brain) -> Bible:
    bible_brain.bibles = [
        Bible(
            abbr="SWHABC",
            iso="swh",
            filesets=[AUDIO, DRAMA, STREAM, OPUS, TEXT],
            books=[Book("MRK", {1: b"mrk1" * 9, 2: b"mrk2"}), Book("LUK", {1: b"l"})],
            plain={"SWHABC": VERSES},
            copyrights={"SWHABCN1DA": "CC BY\n 4.0", "SWHABC": "© Nobody"},
        )
    ]
    return bible_brain.bibles[0]


@pytest.fixture
def options(bible_brain, tmp_path) -> SourceOptions:
    return SourceOptions(
        output=tmp_path / "out",
        server=bible_brain.url,
        limits=FetchLimits(backoff_sec=0.001, backoff_max_sec=0.01, retries=1),
    )


def listed(place: str, options: SourceOptions):
    return list_sources([BibleBrain(place, options)])


def ids(listing) -> list[str]:
    return [item.recording.recording_id for item in listing.items]


def test_a_bible_is_listed_by_chapter(bible, options):
    listing = listed("SWHABC", options)
    assert ids(listing) == [
        "SWHABCN1DA_MRK_001", "SWHABCN1DA_MRK_002", "SWHABCN1DA_LUK_001"
    ]  # fmt: skip
    first = listing.items[0]
    assert (first.audio_bytes, first.duration_sec) == (36, 20.5)
    recording = first.recording
    assert (recording.book, recording.chapter, recording.version) == ("MRK", 1, "ABC")
    assert (recording.language, recording.drama) == ("swh", False)
    assert recording.licence == "CC BY 4.0 AND © Nobody"
    assert recording.text_format is TextFormat.VPL
    assert listing.rejects == ()


@pytest.mark.parametrize(
    ("drama", "filesets"),
    [
        ("auto", {"SWHABCN1DA"}),
        ("no", {"SWHABCN1DA"}),
        ("yes", {"SWHABCN2DA"}),
        ("both", {"SWHABCN1DA", "SWHABCN2DA"}),
    ],
)
def test_drama_is_a_choice(bible, options, drama, filesets):
    listing = listed("SWHABC", replace(options, drama=drama))
    assert {name.split("_")[0] for name in ids(listing)} == filesets
    assert all(item.recording.drama == ("N2" in item.recording.recording_id)
               for item in listing.items)  # fmt: skip


def test_a_fileset_may_be_named_and_so_may_books(bible, options):
    some = replace(options, books=("LUK",))
    assert ids(listed("SWHABCN2DA", some)) == ["SWHABCN2DA_LUK_001"]
    assert ids(listed("SWHABC/SWHABCN2DA", some)) == ["SWHABCN2DA_LUK_001"]


def test_all_that_the_key_may_download_in_a_language(bible, bible_brain, options):
    others = [
        replace(bible, abbr=f"SWHDE{n}", filesets=[{**AUDIO, "id": f"SWHDE{n}N1DA"}])
        for n in range(3)
    ]
    others[0].downloadable = False
    luo = replace(
        bible, abbr="LUOABC", iso="luo", filesets=[{**AUDIO, "id": "LUOABCN1DA"}]
    )
    bible_brain.bibles += [*others, luo]
    found = {name[:6] for name in ids(listed("", replace(options, language="swh")))}
    assert found == {"SWHABC", "SWHDE1", "SWHDE2"}
    with pytest.raises(ConfigError, match="expected a Bible"):
        listed("", options)


def test_without_bulk_access_chapters_are_asked_one_by_one(bible, bible_brain, options):
    whole = listed("SWHABC", options)
    bible.downloadable = False
    by_chapter = listed("SWHABC", options)
    assert ids(by_chapter) == ids(whole)
    assert by_chapter.rejects == ()
    assert "/api/bibles/filesets/SWHABCN1DA/MRK/2" in bible_brain.paths()


def test_a_chapter_that_is_not_there_is_named(bible, bible_brain, options):
    bible.downloadable = False
    path = "/api/bibles/filesets/SWHABCN1DA/MRK/2"
    bible_brain.faults[path] = [answer_with(404)]
    listing = listed("SWHABC", options)
    assert ids(listing) == ["SWHABCN1DA_MRK_001", "SWHABCN1DA_LUK_001"]
    (reject,) = listing.rejects
    assert (reject.key, reject.reason) == ("SWHABCN1DA_MRK_002", "source_missing")


def test_a_fileset_that_is_refused_altogether_is_one_reject(
    bible, bible_brain, options
):
    bible.downloadable = False
    refusal = [answer_with(403, "Not yours")]
    bible_brain.faults["/api/bibles/filesets/SWHABCN1DA/MRK/1"] = refusal
    listing = listed("SWHABC", options)
    assert ids(listing) == []
    (reject,) = listing.rejects
    assert reject.key == "SWHABCN1DA" and "Not yours" in reject.message


def test_streams_and_local_files_are_refused(bible, bible_brain, options):
    part = {"book_id": "MRK", "chapter_start": 1, "verse_start": None}
    bible_brain.faults["/api/download/SWHABCN1DA"] = [
        lambda h: h.json(
            {
                "data": [
                    {**part, "path": "https://example.org/a.m3u8?x=1"},
                    {**part, "path": "/etc/passwd"},
                    {**part, "book_id": "../../x", "path": "https://example.org/a"},
                ]
            }
        )
    ]
    listing = listed("SWHABC", options)
    assert ids(listing) == []
    assert sorted(reject.reason for reject in listing.rejects) == [
        "row_malformed", "source_refused", "source_refused"
    ]  # fmt: skip


def test_an_unknown_bible_and_a_wrong_key(bible, options, monkeypatch):
    with pytest.raises(SourceMissing, match="bibles/NOBODY"):
        listed("NOBODY", options)
    with pytest.raises(ConfigError, match="expected an audio fileset"):
        BibleBrain("SWHABC/NONSENSE", options)
    monkeypatch.setenv("PERICOPE_DBP_KEY", "wrong-key-wrong")
    with pytest.raises(ConfigError, match="key of Bible Brain was refused") as caught:
        listed("SWHABC", options)
    assert "wrong-key-wrong" not in str(caught.value)


def texts(gathered) -> dict[str, list[tuple[str, str]]]:
    return {
        item.recording.recording_id: [
            (verse.number, verse.text)
            for verse in read_chapter(Path(item.recording.text), item.recording).verses
        ]
        for item in gathered.recordings
    }


def test_plain_verses_become_texts_that_a_run_reads(bible, bible_brain, options):
    options = replace(options, books=("MRK",))
    gathered = gather(listed("SWHABC", options), options, lambda _: None)
    assert gathered.rejects == ()
    assert texts(gathered) == {
        "SWHABCN1DA_MRK_001": [("1", "Mvua ndogo."), ("2-3", "Jua kali.")],
        "SWHABCN1DA_MRK_002": [("1", "Upepo.")],
    }
    audio = [Path(item.recording.audio) for item in gathered.recordings]
    assert [path.read_bytes() for path in audio] == [b"mrk1" * 9, b"mrk2"]
    asked = len(bible_brain.paths("/audio/"))
    gather(listed("SWHABC", options), options, lambda _: None)
    assert len(bible_brain.paths("/audio/")) == asked  # under other signatures, too


def test_usx_is_taken_before_plain_text(bible, bible_brain, options):
    bible.filesets.append(TEXT_USX)
    bible.usx = {"SWHABCN_ET-usx": {"MRK": USX.encode()}}
    options = replace(options, books=("MRK",))
    gathered = gather(listed("SWHABC", options), options, lambda _: None)
    assert texts(gathered)["SWHABCN1DA_MRK_002"] == [("1", "Upepo."), ("2", "Ziwa.")]
    assert len({item.recording.text for item in gathered.recordings}) == 1
    assert len(bible_brain.paths("/text/")) == 1
    refused = "/api/bibles/filesets/SWHABCN_ET-usx/ALL/1"
    bible_brain.faults[refused] = [answer_with(403)]
    again = replace(options, output=options.output / "again")
    assert texts(gather(listed("SWHABC", again), again, lambda _: None)) == texts(
        gathered
    )


def test_plain_verses_are_taken_where_all_usx_is_refused(bible, bible_brain, options):
    bible.filesets.append(TEXT_USX)
    bible.usx = {"SWHABCN_ET-usx": {"MRK": USX.encode()}}
    refused = "/api/bibles/filesets/SWHABCN_ET-usx/"
    for place in ("ALL/1", "MRK/1", "LUK/1"):
        bible_brain.faults[refused + place] = [answer_with(403)]
    gathered = gather(
        listed("SWHABC", replace(options, books=("MRK",))), options, lambda _: None
    )
    assert gathered.rejects == ()
    assert texts(gathered)["SWHABCN1DA_MRK_001"] == [
        ("1", "Mvua ndogo."),
        ("2-3", "Jua kali."),
    ]
    assert bible_brain.paths("/text/") == []


@pytest.mark.parametrize("is_usx", [False, True])
def test_of_a_passage_only_its_verses_are_the_text(bible, options, is_usx):
    part = {"book_id": "MRK", "chapter_start": 1, "chapter_end": 2, "bytes": b"part"}
    verses = {"verse_start": 2, "verse_end": 1, "path": "/audio/part.mp3"}
    bible.parts = {"SWHABCN1DA": [{**part, **verses}]}
    if is_usx:
        bible.filesets.append(TEXT_USX)
        bible.usx = {"SWHABCN_ET-usx": {"MRK": USX.encode()}}
    gathered = gather(listed("SWHABC", options), options, lambda _: None)
    second = ("1:2", "Jua.") if is_usx else ("1:2-3", "Jua kali.")
    assert texts(gathered) == {
        "SWHABCN1DA_MRK_001_002-002_001": [second, ("2:1", "Upepo.")]
    }


def test_an_address_that_ran_out_is_signed_anew(bible, bible_brain, options):
    listing = listed("SWHABC", options)
    bible_brain.expired = bible_brain.signed
    gathered = gather(listing, options, lambda _: None)
    assert len(gathered.recordings) == 2  # Luke has no verses
    (reject,) = gathered.rejects
    assert (reject.key, reject.reason) == ("SWHABCN1DA_LUK_001", "source_missing")


def test_a_text_whose_address_ran_out_is_signed_anew(bible, bible_brain, options):
    bible.filesets.append(TEXT_USX)
    bible.usx = {"SWHABCN_ET-usx": {"MRK": USX.encode()}}
    listing = listed("SWHABC", replace(options, books=("MRK",)))
    bible_brain.expired = bible_brain.signed
    gathered = gather(listing, options, lambda _: None)
    assert gathered.rejects == ()
    assert texts(gathered)["SWHABCN1DA_MRK_002"] == [("1", "Upepo."), ("2", "Ziwa.")]


def test_verse_times_are_written_if_they_are_asked_for(bible, bible_brain, options):
    bible.timestamps = {("SWHABCN1DA", "MRK", 1): [("1", 0.0), ("2", 4.25)]}
    options = replace(options, books=("MRK",), timestamps=True)
    gathered = gather(listed("SWHABC", options), options, lambda _: None)
    assert len(gathered.recordings) == 2
    (reject,) = gathered.rejects  # of chapter 2 there are none
    assert (reject.stage, reject.key) == ("timestamps", "SWHABCN1DA_MRK_002")
    file = options.output / "timestamps" / "SWHABCN1DA_MRK_001.json"
    assert json.loads(file.read_text()) == {
        "recording_id": "SWHABCN1DA_MRK_001",
        "verses": [
            {"verse": "1", "start_sec": 0.0},
            {"verse": "2", "start_sec": 4.25},
        ],
    }


def test_the_key_is_in_no_file(bible, options):
    gather(listed("SWHABC", options), options, lambda _: None)
    files = [path for path in options.output.rglob("*") if path.is_file()]
    assert files
    assert all(KEY.encode() not in path.read_bytes() for path in files)
