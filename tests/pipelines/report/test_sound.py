import io
import itertools

import numpy as np
import pytest
import soundfile

from pipelines.report.sound import (
    COLUMNS,
    encode_mp3,
    find_places,
    peaks_of,
    read_sound,
)
from pipelines.tables import read_segments
from schemas.errors import ArtifactError
from tests.pipelines.report.built import build_corpus, tone


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("sound") / "c")


def test_sound_of_labeled_and_unlabeled_segments(built):
    keys = {segment.key for segment in read_segments(str(built), "swh")}
    places = find_places(str(built), "swh", keys)
    assert set(places) == keys
    assert len({place.shard for place in places.values()}) == 3  # 2 labeled, 1 not
    for place in (places[min(keys)], places[max(keys)]):
        sound = read_sound(str(built), place)
        assert sound is not None
        assert sound.mp3 == encode_mp3(_as_cut(tone()))
        assert sound.peaks == peaks_of(_as_cut(tone()))


def _as_cut(samples):
    return (np.rint(samples * 32768) / 32768).astype(np.float32)


def test_mp3_is_small_in_time_and_always_the_same():
    samples = tone(5.0)
    mp3 = encode_mp3(samples)
    assert mp3 == encode_mp3(samples)
    assert len(mp3) < 5.0 * 5_000  # 40 kbit/s
    decoded, rate = soundfile.read(io.BytesIO(mp3))
    assert (rate, len(decoded)) == (16_000, len(samples))
    assert np.corrcoef(decoded, samples)[0, 1] > 0.99  # no delay of the encoder


@pytest.mark.parametrize("length", [1, 100, COLUMNS, 16_000, 16_001])
def test_peaks_are_the_loudest_of_their_columns(length):
    samples = np.random.default_rng(3).normal(size=length).astype(np.float32)
    peaks = peaks_of(samples)
    assert len(peaks) == COLUMNS
    assert max(peaks) == 100
    if length >= COLUMNS:
        borders = [column * length // COLUMNS for column in range(COLUMNS + 1)]
        loud = [np.abs(samples[a:b]).max() for a, b in itertools.pairwise(borders)]
        assert peaks == tuple(np.rint(np.array(loud) / max(loud) * 100))


def test_silence_has_flat_peaks():
    assert set(peaks_of(np.zeros(500, np.float32))) == {0}
    assert set(peaks_of(np.zeros(0, np.float32))) == {0}


def test_without_shards_there_are_no_places(built, tmp_path):
    assert find_places(str(tmp_path), "swh", {"a_0_1"}) == {}
    assert find_places(str(built), "swh", set()) == {}


def test_a_shard_that_is_gone_and_one_that_is_damaged(tmp_path):
    root = build_corpus(tmp_path / "c")
    places = find_places(
        str(root), "arb", {s.key for s in read_segments(str(root), "arb")}
    )
    place = next(iter(places.values()))
    (root / place.shard).write_bytes(b"x" * (place.offset + place.length))
    with pytest.raises(ArtifactError, match=f"expected the clip {place.key}"):
        read_sound(str(root), place)
    (root / place.shard).unlink()
    assert read_sound(str(root), place) is None
