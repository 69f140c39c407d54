"""The verdict of a language identifier on clips without text, with a real network."""

import math

import pytest

from aligner.audio import decode_audio
from models.language_identifier import load_language_identifier
from models.networks.bundled import new_bundled_network
from models.vocabulary import Vocabulary
from pipelines.config import load_config
from pipelines.heard_language import with_verdict
from pipelines.job import prepare_job
from pipelines.tables import read_segments
from schemas.errors import ConfigError
from schemas.units import samples_from_sec
from tests.builders import make_segment
from tests.pipelines.corpora import SMALL_LANGUAGES, run_plainly, states, write_corpus

UNLABELED = "swh-luk-001"


def save_identifier(folder, languages, seed=0):
    import torch

    folder.mkdir()
    torch.manual_seed(seed)
    letters = Vocabulary(("", "a", "b"), 0, None)
    new_bundled_network("tiny", letters, languages).save_pretrained(folder)
    return load_language_identifier(str(folder), "cpu")


@pytest.mark.parametrize("languages", [("ell", "rus", "swh"), ("ell", "rus")])
def test_each_clip_has_the_verdict_of_its_own_sound(speech, tmp_path, languages):
    identifier = save_identifier(tmp_path / "lid", languages)
    settings = f'{SMALL_LANGUAGES}identifier = "{tmp_path}/lid"\n'
    rows = [speech.row(UNLABELED) | {"text": "", "text_format": ""}]
    toml = write_corpus(tmp_path, speech, rows, settings)
    assert run_plainly(toml) == 0
    segments = list(read_segments(str(tmp_path / "corpus")))
    assert segments
    waveform_N = decode_audio(speech.audio(UNLABELED), max_hours=1)
    for segment in segments:
        interval = (segment.start_sec, segment.end_sec)
        heard = identifier.identify(waveform_N[slice(*map(samples_from_sec, interval))])
        assert segment.lid_language == max(heard, key=heard.__getitem__)
        if "swh" in languages:
            assert segment.lid_score == pytest.approx(heard["swh"], abs=1e-4)
        else:
            assert math.isnan(segment.lid_score)


def test_another_identifier_cuts_anew_and_listens_no_more(speech, tmp_path):
    save_identifier(tmp_path / "one", ("ell", "swh"), seed=1)
    save_identifier(tmp_path / "two", ("ell", "swh"), seed=2)
    rows = [speech.row(UNLABELED) | {"text": "", "text_format": ""}]
    cuts, heard = [], []
    for name in ("one", "two"):
        settings = f'{SMALL_LANGUAGES}identifier = "{tmp_path}/{name}"\n'
        assert run_plainly(write_corpus(tmp_path, speech, rows, settings)) == 0
        for made, stage in ((cuts, "cut"), (heard, "speech")):
            made.append(states(tmp_path / "corpus/store" / stage))
            del made[-1]["digests.txt"]  # the list of all of them
    assert cuts[0].items() < cuts[1].items()
    assert heard[0] == heard[1] != {}


def test_a_language_with_a_script_may_be_known_without_it():
    segment = make_segment(language="srp-Cyrl")
    posteriors = {"srp": 0.25, "rus": 0.75}
    told = with_verdict(segment, posteriors)
    assert (told.lid_language, told.lid_score) == ("rus", 0.25)
    told = with_verdict(segment, {"srp-Cyrl": 0.5, **posteriors})
    assert told.lid_score == 0.5


def test_an_identifier_that_is_not_there_stops_before_any_work(speech, tmp_path):
    settings = '[unlabeled]\nidentifier = "/nowhere/lid"\n'
    toml = write_corpus(tmp_path, speech, [speech.row(UNLABELED)], settings)
    with pytest.raises(ConfigError, match=r"unlabeled\.identifier: .*nowhere/lid"):
        prepare_job(load_config(toml))
