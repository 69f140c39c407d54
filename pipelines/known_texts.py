"""Which texts a manifest names, so that a recording can be held against all of them.

The list is kept in the store, a file for each language; only its digest travels.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from aligner.identity import TextLetters, letters_of
from aligner.tokens import encode_chapter
from pipelines.addresses import local_path_of, redact_uri
from pipelines.context import RunContext
from pipelines.fetch import fetch
from pipelines.store import Store, local_copy
from pipelines.texts import read_chapter
from schemas.errors import InputError
from schemas.keys import digest_of
from schemas.source import Recording, TextFormat

STAGE = "texts"
_SUFFIX = ".json"
# More would take longer than an alignment; see ``candidates``.
MOST_TEXTS = 500


@dataclass(frozen=True, eq=False)
class KnownText:
    """The letters of one text of the manifest."""

    recording: Recording
    """The first recording that it belongs to."""
    digest: str
    """Of its file and its place in it."""
    letters: TextLetters


def store_texts(recordings: Iterable[Recording], store: Store) -> str:
    """Write down where all texts are; returns the name of the list.

    Addresses with a password or a signature are not written down: a recording is held
    against such a text only if it is its own.
    """
    languages: dict[str, list[dict]] = defaultdict(list)
    for recording in sorted(recordings, key=lambda r: r.recording_id):
        if recording.text and redact_uri(recording.text) == recording.text:
            row = asdict(_about_text(recording))
            languages[recording.language].append(row)
    names = {code: _keep(rows, store) for code, rows in sorted(languages.items())}
    return _keep(names, store)


def candidates(
    recording: Recording, context: RunContext
) -> Iterator[tuple[Recording, ...]]:
    """Yield the texts that a recording may have been read from, the likeliest first.

    Those of its book come first, then the other books of its language, at last other
    languages, the same chapter before others; at most ``MOST_TEXTS`` of each kind.
    """
    own = _texts_of(recording.language, context)
    yield tuple(r for r in own if r.book == recording.book)[:MOST_TEXTS]
    yield tuple(r for r in own if r.book != recording.book)[:MOST_TEXTS]
    others = [
        other
        for language in _languages(context)
        if language != recording.language
        for other in _texts_of(language, context)
    ]
    others.sort(key=lambda r: _distance(r, recording))
    yield tuple(others[:MOST_TEXTS])


def _distance(other: Recording, recording: Recording) -> tuple[bool, bool]:
    same_book = other.book == recording.book
    return not same_book, not (same_book and other.chapter == recording.chapter)


def known_text(recording: Recording, context: RunContext) -> KnownText | None:
    """Return the letters of a recording's text, None where it cannot be read.

    Such a text is a reject where its own recording is at work.
    """
    assert recording.text is not None
    path, stamp = local_path_of(recording.text), None
    if path is not None and os.path.exists(path):
        status = os.stat(path)
        stamp = status.st_size, status.st_mtime_ns
    return _known_text(_about_text(recording), context, stamp)


def _about_text(recording: Recording) -> Recording:
    """Leave out what has nothing to do with the text and may be secret."""
    return replace(recording, audio="", timing=None)


@lru_cache(maxsize=1 << 13)
def _known_text(
    recording: Recording, context: RunContext, _stamp: tuple[int, int] | None
) -> KnownText | None:
    """Do so, once for each state of a local file."""
    assert recording.text is not None
    model = context.model()
    try:
        file = fetch(
            recording.text, context.store, context.fetch, context.asked_since_sec
        )
        with local_copy(file.path) as path:
            chapter = read_chapter(path, recording)
        encoded = encode_chapter(
            chapter, model.labels, model.blank, romanised=model.romanised,
            word_separator=model.word_separator, star_at_start=False,
        )  # fmt: skip
    except InputError:
        return None
    letters = letters_of(encoded)
    if not len(letters.tokens):
        return None
    place = (recording.language, recording.book, recording.chapter)
    digest = digest_of(file.sha256, str(recording.text_format), place)
    return KnownText(recording, digest, letters)


def _texts_of(language: str, context: RunContext) -> tuple[Recording, ...]:
    names = _names(context)
    return _recordings(names[language], context) if language in names else ()


def _languages(context: RunContext) -> tuple[str, ...]:
    return tuple(_names(context))


@lru_cache(maxsize=4)
def _names(context: RunContext) -> dict[str, str]:
    names: dict[str, str] = _read(context.known_texts, context)
    return names


@lru_cache(maxsize=64)
def _recordings(name: str, context: RunContext) -> tuple[Recording, ...]:
    rows = _read(name, context)
    return tuple(
        Recording(**{**row, "text_format": TextFormat(row["text_format"])})
        for row in rows
    )


def _read(name: str, context: RunContext):
    return json.loads(context.store.read_bytes(STAGE, name, _SUFFIX))


def _keep(value: object, store: Store) -> str:
    data = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
    name = digest_of(STAGE, value)
    if not store.has(STAGE, name, _SUFFIX):
        store.write_bytes(data, STAGE, name, _SUFFIX)
    return name
