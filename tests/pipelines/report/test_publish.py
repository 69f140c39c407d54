import errno
import os

import fsspec
import pytest

from pipelines.report import publish
from pipelines.report.publish import publishing


def write(root, text):
    with publishing(str(root), "report") as folder:
        (folder / "sub").mkdir()
        (folder / "sub/page.html").write_text(text)
        (folder / f"{text}.txt").write_text(text)


def test_a_folder_appears_whole_and_replaces_what_was_there(tmp_path):
    write(tmp_path, "one")
    assert (tmp_path / "report/sub/page.html").read_text() == "one"
    write(tmp_path, "two")
    assert sorted(os.listdir(tmp_path)) == ["report"]
    assert sorted(os.listdir(tmp_path / "report")) == ["sub", "two.txt"]


def test_an_error_leaves_what_was_there(tmp_path):
    write(tmp_path, "one")
    with (
        pytest.raises(ZeroDivisionError),
        publishing(str(tmp_path), "report") as folder,
    ):
        (folder / "half").write_text("half")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["report"]
    assert (tmp_path / "report/one.txt").exists()


def test_leftovers_of_a_killed_run_go(tmp_path):
    (tmp_path / ".report-0123").mkdir()
    (tmp_path / ".report-0123/half").write_text("half")
    write(tmp_path, "one")
    assert os.listdir(tmp_path) == ["report"]


def test_where_folders_cannot_be_exchanged(tmp_path, monkeypatch):
    write(tmp_path, "one")
    monkeypatch.setattr(publish, "_exchange", lambda *_: errno.EINVAL)
    write(tmp_path, "two")
    assert os.listdir(tmp_path) == ["report"]
    assert (tmp_path / "report/two.txt").exists()
    monkeypatch.setattr(publish, "_exchange", lambda *_: errno.EACCES)
    with pytest.raises(PermissionError):
        write(tmp_path, "three")
    assert (tmp_path / "report/two.txt").exists()


def test_a_bucket():
    filesystem = fsspec.filesystem("memory")
    root = "memory://published/corpus"
    write(root, "one")
    write(root, "two")
    folder = "/published/corpus/report"
    assert sorted(filesystem.find(folder)) == [
        f"{folder}/sub/page.html",
        f"{folder}/two.txt",
    ]
    assert filesystem.cat_file(f"{folder}/sub/page.html") == b"two"
