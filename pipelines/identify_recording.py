"""Before the alignment: whether a recording reads its own text, or which other one."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property

from aligner.emissions import compute_emissions
from aligner.identity import Judgement, Probes, Verdict, judge, probe_slices
from models.devices import choose_device
from pipelines.context import RunContext
from pipelines.fetch_recording import FetchedRecording
from pipelines.known_texts import KnownText, candidates, known_text
from pipelines.sharing import gate_of
from pipelines.waveforms import waveform_of_file
from schemas.errors import ArtifactError, WrongChapter, WrongText
from schemas.keys import digest_of
from schemas.source import Recording

STAGE = "identity"
VERSION = 1
_SUFFIX = ".json"
_DECIDED = (Verdict.OWN, Verdict.OTHER_CHAPTER)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which text a recording reads, as far as the manifest has it."""

    recording: Recording
    judgement: Judgement
    likely: Recording | None = None
    """The first recording of the text that was read, where it is clearly another."""

    @property
    def is_wrong(self) -> bool:
        """Tell whether it clearly does not read its own text."""
        wrong = (Verdict.OTHER_CHAPTER, Verdict.OTHER_TEXT)
        return self.judgement.verdict in wrong

    @property
    def told(self) -> str:
        """The finding in words, "" where nothing is wrong."""
        if self.likely is not None:
            likely, found = self.likely, self.judgement
            place = f"{likely.language} {likely.book} {likely.chapter or ''}".split()
            return (
                f"expected its own text, heard that of {likely.recording_id} "
                f"({' '.join(place)}; {found.best_gain:.1f} standard errors clearer); "
                "were the files swapped?"
            )
        if self.is_wrong:
            return (
                "expected its own text, heard none that the manifest names; is it of "
                "another language or version?"
            )
        return ""


def require_own_text(fetched: FetchedRecording, context: RunContext) -> None:
    """Refuse a recording that clearly does not read its text.

    Raises:
      WrongChapter: it reads another text of the manifest; the message says which.
      WrongText: it reads none of them.
    """
    identity = identify_recording(fetched, context)
    if identity.is_wrong:
        error = WrongText if identity.likely is None else WrongChapter
        raise error(f"{fetched.recording.recording_id}: {identity.told}")


def identify_recording(fetched: FetchedRecording, context: RunContext) -> Identity:
    """Find out whether a recording reads its text; what was found stays in the store.

    Its book is looked at first; only where nothing in it is heard, the rest of its
    language and then other languages.

    Raises:
      InputError: the audio or the text cannot be used.
    """
    recording = fetched.recording
    own = known_text(recording, context)
    if own is None:  # the alignment will say why
        unsure = Judgement(verdict=Verdict.UNSURE)
        return Identity(recording=recording, judgement=unsure)
    listening = _Listening(fetched, context)
    found: list[Judgement] = []
    for recordings in candidates(recording, context):
        others = _texts(recordings, own, context)
        found.append(_judgement(listening, own, others))
        best = found[-1].best
        if found[-1].verdict is Verdict.OTHER_CHAPTER and best is not None:
            return Identity(
                recording=recording, judgement=found[-1], likely=others[best].recording
            )
        if found[-1].verdict is Verdict.OWN:
            return Identity(recording=recording, judgement=found[-1])
    # What is doubtful among some texts stays so.
    doubtful = (j for j in found if j.verdict is Verdict.UNSURE)
    return Identity(recording=recording, judgement=next(doubtful, found[0]))


@dataclass(frozen=True)
class _Listening:
    """A recording whose probes go through the model when they are first needed."""

    fetched: FetchedRecording
    context: RunContext

    @cached_property
    def probes(self) -> Probes:
        context = self.context
        waveform = waveform_of_file(self.fetched.audio, context.max_hours)
        model, gate = context.model(), gate_of(choose_device(context.device))
        emissions = tuple(
            compute_emissions(waveform[part], model, context.align, gate=gate)
            for part in probe_slices(len(waveform))
        )
        return Probes(emissions, model.blank, model.hop_samples)


def _texts(
    recordings: tuple[Recording, ...], own: KnownText, context: RunContext
) -> list[KnownText]:
    """Return the other texts that can be read, each once."""
    texts = (known_text(recording, context) for recording in recordings)
    by_digest = {own.digest: own}
    for text in texts:
        if text is not None:
            by_digest.setdefault(text.digest, text)
    return list(by_digest.values())[1:]


def _judgement(
    listening: _Listening, own: KnownText, others: list[KnownText]
) -> Judgement:
    """Judge a recording among some texts, unless the store has it."""
    context, store = listening.context, listening.context.store
    digest = digest_of(
        STAGE,
        VERSION,
        listening.fetched.audio.sha256,
        context.model_fingerprint,
        [context.align.window_sec, context.align.context_sec],
        own.digest,
        [text.digest for text in others],
    )
    if not store.has(STAGE, digest, _SUFFIX):
        found = judge(listening.probes, own.letters, [text.letters for text in others])
        store.write_bytes(json.dumps(asdict(found)).encode(), STAGE, digest, _SUFFIX)
    try:
        row = json.loads(store.read_bytes(STAGE, digest, _SUFFIX))
        return Judgement(**{**row, "verdict": Verdict(row["verdict"])})
    except (ValueError, TypeError, KeyError) as error:
        uri = store.uri(STAGE, digest, _SUFFIX)
        raise ArtifactError(f"{uri}: damaged; delete it and run again") from error
