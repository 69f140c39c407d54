"""A file is there whole or as it was."""

import pytest

from models.whole_file import whole_file


def test_an_error_leaves_the_file_before(tmp_path):
    path = tmp_path / "table.csv"
    with whole_file(path) as temporary:
        temporary.write_text("before")
    with pytest.raises(ValueError, match="half"), whole_file(path) as temporary:
        temporary.write_text("ha")
        raise ValueError("half")
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]
