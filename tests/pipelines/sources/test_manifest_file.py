import json

import numpy as np
import pytest
import soundfile

from pipelines.fetch_limits import FetchLimits
from pipelines.sources.gather import gather
from pipelines.sources.options import SourceOptions
from pipelines.sources.places import open_sources
from pipelines.sources.source import list_sources
from schemas.errors import ConfigError


@pytest.fixture
def options(tmp_path) -> SourceOptions:
    limits = FetchLimits(backoff_sec=0.001, retries=1)
    return SourceOptions(output=tmp_path / "out", licence="CC0-1.0", limits=limits)


def test_remote_files_are_fetched_and_local_ones_stay(tmp_path, options, server):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in/a.wav", np.zeros(8_000, np.float32), 16_000)
    rows = [
        {"recording_id": "a", "language": "swh", "audio": "in/a.wav", "text": ""},
        {"recording_id": "b", "language": "swh", "audio": server.url("/b.mp3?sig=x"),
         "text": server.url("/b.txt"), "licence": "CC BY 4.0"},
        {"recording_id": "c", "language": "nowhere", "audio": "x", "text": ""},
        {"recording_id": "d", "language": "swh", "audio": "in/d.wav", "text": ""},
    ]  # fmt: skip
    manifest = tmp_path / "rows.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    listing = list_sources(open_sources([str(manifest)], options))
    assert listing.items[0].duration_sec == 0.5
    gathered = gather(listing, options, lambda _: None)
    a, b = (item.recording for item in gathered.recordings)
    assert (a.audio, a.licence) == (str(tmp_path / "in/a.wav"), "CC0-1.0")
    assert b.audio.startswith(str(tmp_path / "out/audio/b-"))
    assert b.audio.endswith(".mp3") and b.licence == "CC BY 4.0"
    assert b.text is not None and b.text.startswith(str(tmp_path / "out/text/b-"))
    assert {(r.key, r.reason) for r in gathered.rejects} == {
        ("c", "language_unknown"), ("d", "source_missing")
    }  # fmt: skip


def test_a_corrected_text_is_not_fetched_over(tmp_path, options, server):
    manifest = tmp_path / "rows.csv"
    manifest.write_text(
        "recording_id,language,audio,text\n"
        f"b,swh,{server.url('/b.mp3')},{server.url('/b.txt')}\n"
    )
    listing = list_sources(open_sources([f"manifest:{manifest}"], options))
    (first,) = gather(listing, options, lambda _: None).recordings
    text = first.recording.text
    assert text is not None
    with open(text, "w") as file:
        file.write("Mvua.")
    (second,) = gather(listing, options, lambda _: None).recordings
    assert second.recording == first.recording
    with open(text) as file:
        assert file.read() == "Mvua."
    assert len(server.requests) == 2


def test_a_manifest_is_not_written_over(tmp_path, options):
    options.output.mkdir()
    manifest = options.output / "recordings.csv"
    with pytest.raises(ConfigError, match="would be written over"):
        open_sources([str(manifest)], options)


@pytest.mark.parametrize("place", ["nowhere", "ftp:x", "recordings.txt", "bible:"])
def test_a_source_of_no_known_kind_is_refused(options, place):
    with pytest.raises(ConfigError, match="expected one of bible:"):
        open_sources([place], options)


@pytest.mark.parametrize(
    "choice", [{"drama": "some"}, {"books": ("XYZ",)}, {"language": "swahili"}]
)
def test_impossible_choices_are_refused(tmp_path, choice):
    with pytest.raises(ConfigError, match="--"):
        SourceOptions(output=tmp_path, **choice)
