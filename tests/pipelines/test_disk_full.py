import errno
import os
import subprocess

import pytest

from pipelines.attempt import Step
from pipelines.disk_full import told_if_full
from pipelines.store import write_atomic
from schemas.errors import DiskFull
from schemas.source import Recording
from tests.pipelines.corpora import contents, run_plainly, write_corpus

NAME = "swh-mrk-001"


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 64 KiB in memory; give its folder and a way to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a file system")

    def resize(kilobytes: int) -> None:
        options = f"remount,size={kilobytes}k"
        subprocess.run(["mount", "-o", options, str(folder)], check=True)

    yield folder, resize
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_want_of_room_is_told_with_what_to_do(number):
    with (
        pytest.raises(DiskFull, match=r"a: expected room to write.*make room"),
        told_if_full("a"),
    ):
        raise OSError(number, os.strerror(number))


def test_other_errors_pass():
    with pytest.raises(PermissionError), told_if_full("a"):
        raise PermissionError(errno.EACCES, "no")


def test_no_step_rejects_a_recording_for_it():
    def fill(_: Recording) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    recording = Recording(recording_id="a", language="swh", audio="a.wav")
    step = Step("align", fill, lambda item: item, lambda item, message: message)
    with pytest.raises(DiskFull, match="a: expected room"):
        step.attempt(recording)


def test_nothing_of_a_file_without_room_appears(small_disk):
    folder, _ = small_disk
    with pytest.raises(DiskFull):
        write_atomic(str(folder / "a.bin"), bytes(100_000))
    assert list(folder.iterdir()) == []
    write_atomic(str(folder / "a.bin"), bytes(10_000))


def test_a_run_stops_and_goes_on_where_it_was(small_disk, speech, forks, tmp_path):
    """With more room each time, so that it ends in one stage after another."""
    folder, resize = small_disk
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run_plainly(write_corpus(elsewhere, speech, [speech.row(NAME)]))
    toml = write_corpus(tmp_path, speech, [speech.row(NAME)])
    toml.write_text(toml.read_text().replace('"corpus"', f'"{folder / "corpus"}"'))
    kilobytes, ends = 64, []
    while not ends or ends[-1].status:
        resize(kilobytes)
        ends.append(forks.run("run", toml))
        kilobytes *= 4
        assert kilobytes < 100_000, ends[-1].stderr
    assert len(ends) >= 3
    for ended in ends[:-1]:
        assert ended.status == 1
        assert "make room and start the same command again" in _joined(ended.stderr)
        assert "Traceback" not in ended.stderr
    assert contents(folder / "corpus") == contents(elsewhere / "corpus")


def _joined(text: str) -> str:
    return " ".join(text.split())
