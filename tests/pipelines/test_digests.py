"""Lists of digests: checked by themselves, made anew only where something is new."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.digests import (
    Digest,
    digest_of_file,
    files_below,
    list_folder,
    listed_anew,
    read_list,
    run_listed,
    write_list,
)
from pipelines.store import Store, write_atomic
from schemas.errors import ArtifactError

DIGESTS = st.builds(
    Digest,
    st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest()),
    st.integers(0, 10**15),
)
NAMES = st.text("abz019-_/=. ", min_size=1, max_size=30)


@given(listing=st.dictionaries(NAMES, DIGESTS, max_size=5), data=st.data())
def test_a_list_comes_back_and_one_wrong_bit_is_seen(listing, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "digests.txt"
    write_list(str(path), listing)
    assert read_list(str(path)) == listing
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="expected a last line"):
        read_list(str(path))


@pytest.mark.parametrize("root", ["memory://listed", None])
def test_folders_and_stages_are_listed(root, tmp_path):
    root = root or str(tmp_path)
    store = Store(root)
    digest = "ab" * 32
    store.write_bytes(b"one", "align", digest, ".npz")
    store.write_bytes(b"heard", "label", digest, ".parquet")  # may be written again
    write_atomic(f"{root}/corpus.json", b"{}")
    write_atomic(f"{root}/ledger/part-swh-00000.parquet", b"rows")
    with run_listed(root, store):
        assert read_list(f"{root}/digests/ledger.txt") is None
    listing = read_list(f"{root}/store/align/digests.txt")
    assert listing == {
        f"ab/{digest}.npz": Digest(hashlib.sha256(b"one").hexdigest(), 3)
    }
    assert read_list(f"{root}/store/label/digests.txt") is None
    assert list(read_list(f"{root}/digests/ledger.txt") or {}) == [
        "ledger/part-swh-00000.parquet"
    ]
    assert read_list(f"{root}/digests/segments.txt") == {}
    # A result that was made again after it was deleted is read again.
    store.remove("align", digest, ".npz")
    with run_listed(root, store):
        store.write_bytes(b"two", "align", digest, ".npz")
    listing = read_list(f"{root}/store/align/digests.txt") or {}
    assert listing[f"ab/{digest}.npz"] == digest_of_file(
        store.uri("align", digest, ".npz")
    )
    with pytest.raises(KeyError), run_listed(root, store):
        raise KeyError
    assert read_list(f"{root}/digests/ledger.txt") is not None


def test_a_name_that_leads_nowhere_hides_no_other_file(tmp_path: Path):
    for name in "abcdefgh":
        (tmp_path / f"{name}.npz").write_bytes(b"x")
        (tmp_path / f"{name}{name}.npz").symlink_to(tmp_path / "gone")
    assert list(files_below(str(tmp_path))) == [f"{name}.npz" for name in "abcdefgh"]


def test_after_an_error_a_list_is_as_it_was(tmp_path: Path):
    (tmp_path / "selections").mkdir()
    (tmp_path / "selections/a.json").write_bytes(b"{}")
    list_folder(str(tmp_path), "selections")
    before = (tmp_path / "digests/selections.txt").read_bytes()
    with pytest.raises(KeyError), listed_anew(str(tmp_path), "selections"):
        (tmp_path / "selections/a.json").write_bytes(b"[]")
        raise KeyError
    assert (tmp_path / "digests/selections.txt").read_bytes() == before
    with listed_anew(str(tmp_path), "selections"):
        assert not (tmp_path / "digests/selections.txt").exists()
    assert (tmp_path / "digests/selections.txt").read_bytes() != before
