"""Both ways of reading hand over the same clips, and counting is right."""

from itertools import repeat

import numpy as np
import torch

from benchmarks import loader, loader_shards
from models.data import SpeechShards
from models.data.kept_clips import clip_table


def waveform() -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(30 * 16_000)
    return (0.01 * noise).astype(np.float32)


def test_both_ways_hand_over_the_same_clips(tmp_path, monkeypatch):
    monkeypatch.setattr(loader_shards, "BENCH", tmp_path)
    monkeypatch.setattr(loader_shards, "CLIPS_PER_SHARD", 8)
    monkeypatch.setattr(loader_shards, "_waveform", waveform)
    root = loader_shards.spoken_corpus(20)
    assert len(loader_shards.tars_of(root)) == 3
    assert loader_shards.spoken_corpus(20) == root  # kept
    sums = []
    for way in (loader.our_batches, loader.raw_batches):
        batches, count, samples = way(root, 0), 0, 0
        while count < 20:
            clips, audio = next(batches)
            count, samples = count + clips, samples + len(audio)
        sums.append((count, samples))
    shards = SpeechShards(corpus=root, selection=None)
    audio_samples = sum(len(clip.samples) for clip in shards.in_order())
    assert sums == [(20, audio_samples)] * 2
    rate, _ = loader.audio_per_sec(repeat((5, torch.zeros(16_000))), 20)
    assert rate > 1000


def test_an_indexed_corpus_can_be_planned(tmp_path, monkeypatch):
    monkeypatch.setattr(loader_shards, "BENCH", tmp_path)
    root = loader_shards.indexed_corpus(60, clips_per_shard=20)
    table = clip_table([SpeechShards(corpus=root, selection=None)], 1.0, 20.0)
    assert len(table) == loader._clips_of_epoch(table) == 60
    assert 2000 <= table.duration_msec.min() < table.duration_msec.max() < 20_000
