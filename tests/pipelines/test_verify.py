"""One wrong bit anywhere is found and named, and so is what does not fit together."""

import io
import json
import random
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.alone import alone_in
from pipelines.digests import Digest, list_folder, read_list, write_list
from pipelines.fetch_entries import FetchedFile, local_entry_name, write_entry
from pipelines.findings import Finding
from pipelines.store import Store
from pipelines.verify import verify_corpus
from schemas.errors import ArtifactError, ConfigError


def told(what: str, done: int, total: int) -> None:
    assert 0 <= done <= total, what


def verified(root: Path, *, quick: bool = False) -> list[Finding]:
    return verify_corpus(str(root), told, quick=quick)


@pytest.fixture(scope="module")
def whole(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that tests may damage, if they mend it."""
    root = tmp_path_factory.mktemp("verify") / "corpus"
    shutil.copytree(finished, root)
    return root


@pytest.fixture
def spoiled(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy that a test may leave damaged."""
    root = tmp_path / "corpus"
    shutil.copytree(whole, root)
    yield root
    shutil.rmtree(root)


def files_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_corpus_as_it_was_made(whole):
    assert verified(whole) == []
    assert verified(whole, quick=True) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_bit_anywhere_is_found(whole, data):
    # Every kind of file gets its turn, however many there are of each.
    kinds: dict[str, list[Path]] = {}
    for path in files_of(whole):
        parts = path.relative_to(whole).parts
        if parts[0] == "logs":  # no results
            continue
        kinds.setdefault(
            "/".join([*parts[:2][: len(parts) - 1], path.suffix]), []
        ).append(path)
    kind = data.draw(st.sampled_from(sorted(kinds)))
    path = data.draw(st.sampled_from(kinds[kind]))
    before = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(before) - 1))
    wrong = bytearray(before)
    wrong[bit // 8] ^= 1 << bit % 8
    path.write_bytes(wrong)
    try:
        found = verified(whole)
    finally:
        path.write_bytes(before)
    name = path.relative_to(whole).as_posix()
    assert [finding.path for finding in found] == [name]
    assert all(finding.remedy for finding in found)


def test_sizes_and_missing_files_are_found_quickly(whole):
    rng = random.Random(1)
    for path in rng.sample(files_of(whole), 8):
        name = path.relative_to(whole).as_posix()
        before = path.read_bytes()
        path.write_bytes(before[:-1])
        try:
            assert name in {finding.path for finding in verified(whole, quick=True)}
        finally:
            path.write_bytes(before)
    index = next(whole.glob("shards/labeled/*/*/index-*.parquet"))
    before = index.read_bytes()
    index.unlink()
    try:
        found = {finding.path: finding for finding in verified(whole, quick=True)}
        missing = found[index.relative_to(whole).as_posix()]
        assert missing.remedy == "say `pericope run` again"  # nothing to delete
    finally:
        index.write_bytes(before)


def test_what_a_disk_does_not_give_back_is_a_finding(spoiled: Path):
    """A folder in the place of a file: it can be listed, and not be read."""
    for place in ("selections", "store/align"):
        (spoiled / place / "ab").mkdir(exist_ok=True)
        odd = spoiled / place / "ab" / "odd.npz"
        odd.symlink_to(spoiled)
        lists = {"selections": "digests/selections.txt"}
        uri = str(spoiled / lists.get(place, f"{place}/digests.txt"))
        name = f"{place}/ab/odd.npz" if place in lists else "ab/odd.npz"
        listing = read_list(uri) or {}
        write_list(uri, listing | {name: Digest("0" * 64, odd.stat().st_size)})
    unlisted = spoiled / "store/score/ab/odd.npz"
    unlisted.parent.mkdir(exist_ok=True)
    unlisted.symlink_to(spoiled)
    found = {finding.path: finding.problem for finding in verified(spoiled)}
    assert set(found) == {
        "selections/ab/odd.npz",
        "store/align/ab/odd.npz",
        "store/score/ab/odd.npz",
    }
    assert all("cannot be read" in problem for problem in found.values())


def test_a_damaged_table_of_the_right_size_ends_no_quick_look(spoiled: Path):
    """Parquet's reader tells of it by one error or another."""
    path = next(spoiled.glob("ledger/part-*.parquet"))
    before = path.read_bytes()
    kinds = set()
    for place in range(4, len(before) - 8, len(before) // 20):
        wrong = bytearray(before)
        wrong[place] ^= 0x10
        path.write_bytes(wrong)
        try:
            pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            kinds.add(type(error))
            assert verified(spoiled, quick=True), place
    assert OSError in kinds


def drop_ledger_row(root: Path) -> None:
    path = next(root.glob("ledger/part-*.parquet"))
    pq.write_table(pq.read_table(path).slice(1), path)


def miscount(root: Path) -> None:
    document = json.loads((root / "corpus.json").read_text())
    document["languages"]["swh"]["segments"] += 1
    (root / "corpus.json").write_text(json.dumps(document))


def drop_verdict(root: Path) -> None:
    path = root / "selections/default.parquet"
    notes = pq.read_metadata(path).metadata
    table = pq.read_table(path).slice(1)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {k: v for k, v in notes.items() if k != b"ARROW:schema"}
        )


def drop_index_row(root: Path) -> None:
    path = next(root.glob("shards/labeled/swh/*/index-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)


def halve_sound(root: Path) -> None:
    """Let a clip be shorter than its row says; the tar is a good one."""
    path = next(root.glob("shards/labeled/swh/*/*.tar"))
    with tarfile.open(path) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith(".flac"))
    data = bytearray(path.read_bytes())
    place = slice(member.offset_data, member.offset_data + member.size)
    samples, rate_hz = soundfile.read(io.BytesIO(data[place]), dtype="int16")
    half = io.BytesIO()
    soundfile.write(half, samples[: len(samples) // 2], rate_hz, format="FLAC")
    data[place] = half.getvalue().ljust(member.size, b"\0")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "folder", "named"),
    [
        (drop_ledger_row, "ledger", "ledger"),
        (miscount, "corpus", "corpus.json"),
        (drop_verdict, "selections", "selections/default.parquet"),
        (drop_index_row, "shards", "shards/"),
        (halve_sound, "shards", "shards/labeled/swh/"),
    ],
)
def test_what_does_not_fit_together_is_found(
    spoiled: Path, spoil: Callable[[Path], None], folder: str, named: str
):
    """As if it had been written so: every digest is right."""
    spoil(spoiled)
    list_folder(str(spoiled), folder)
    found = verified(spoiled)
    assert found and any(finding.path.startswith(named) for finding in found), found


def test_a_source_that_changed_in_silence(whole, tmp_path):
    audio = tmp_path / "a.mp3"
    audio.write_bytes(b"as it is now")
    name = local_entry_name(str(audio))
    assert name is not None
    store = Store(str(whole))
    write_entry(FetchedFile(str(audio), "0" * 64, 12, str(audio)), name, store)
    try:
        assert [finding.path for finding in verified(whole)] == [str(audio)]
        # One that was written again is looked at by the next run.
        audio.write_bytes(b"as somebody wrote it since")
        assert verified(whole) == []
    finally:
        store.remove("fetch", name, ".json")


def test_only_a_finished_corpus_that_nobody_works_on(whole, tmp_path):
    with pytest.raises(ArtifactError, match="expected a finished corpus"):
        verified(tmp_path)
    with alone_in(str(whole)), pytest.raises(ConfigError, match="another run"):
        verified(whole)


def test_the_command_tells_what_to_do(whole, command):
    assert command("verify", whole).status == 0
    path = whole / "corpus.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"test", b"tent"))
    try:
        ended = command("verify", whole)
        rows = json.loads(command("verify", whole, "--json").out)["findings"]
    finally:
        path.write_bytes(before)
    assert ended.status == 1
    assert "corpus.json: its bytes are not those that were written" in ended.out
    assert "say `pericope run` again" in ended.out
    assert [row["path"] for row in rows] == ["corpus.json"]
