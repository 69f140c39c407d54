"""Shards and a selection → clips, and clips → batches."""

from models.data.clip import Clip, ClipText, parse_clip
from models.data.plan import BatchPlan
from models.data.shards import SpeechShards
from models.data.stream import BatchStream, epoch_batches

__all__ = [
    "BatchPlan",
    "BatchStream",
    "Clip",
    "ClipText",
    "SpeechShards",
    "epoch_batches",
    "parse_clip",
]
