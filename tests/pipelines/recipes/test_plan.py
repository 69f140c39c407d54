from pathlib import Path

import pytest

from pipelines.recipes.plan import Step, Workplace, carry_out, in_order, plan_lines
from schemas.errors import ArtifactError


class Killed(Exception):
    pass


class Kitchen:
    """Three steps that note when they are done, one of them in two parts."""

    def __init__(self, flour: int = 1, salt: int = 1) -> None:
        self.log: list[str] = []
        self.killed_after = 100
        self.dough = Step("dough", "knead", {"flour": flour}, self._dough)
        self.bread = Step("bread", "bake", {"salt": salt}, self._bread, (self.dough,))
        self.soup = Step("soup", "boil", {}, self._soup, (self.dough,))

    def _note(self, what: str) -> None:
        if len(self.log) == self.killed_after:
            raise Killed
        self.log.append(what)

    def _dough(self, place: Workplace) -> dict[str, int]:
        self._note("dough")
        return {"weight": 7}

    def _bread(self, place: Workplace) -> dict[str, int]:
        half = place.folder / "half"
        if not half.exists():
            self._note("first half")
            half.touch()
        self._note("second half")
        return {"weight": place.result_of(self.dough)["weight"] + 1}

    def _soup(self, place: Workplace) -> dict[str, str]:
        self._note("soup")
        return {"beside": place.folder_of(self.dough).name}


def serve(kitchen: Kitchen, root: Path) -> list:
    return carry_out([kitchen.bread, kitchen.soup], root, lambda line: None)


def test_each_step_is_done_once_after_what_it_needs(tmp_path):
    kitchen = Kitchen()
    results = serve(kitchen, tmp_path)
    assert kitchen.log == ["dough", "first half", "second half", "soup"]
    assert results == [
        {"weight": 8},
        {"beside": kitchen.dough.folder(tmp_path).name},
    ]
    again = Kitchen()
    assert serve(again, tmp_path) == results
    assert again.log == []


@pytest.mark.parametrize("done", range(4))
def test_the_same_command_goes_on_after_a_kill(tmp_path, done):
    whole = serve(Kitchen(), tmp_path / "whole")
    killed = Kitchen()
    killed.killed_after = done
    with pytest.raises(Killed):
        serve(killed, tmp_path / "killed")
    resumed = Kitchen()
    assert serve(resumed, tmp_path / "killed") == whole
    assert killed.log + resumed.log == ["dough", "first half", "second half", "soup"]


def test_a_change_does_again_what_depends_on_it(tmp_path):
    serve(Kitchen(), tmp_path)
    salted, floury = Kitchen(salt=2), Kitchen(flour=2)
    serve(salted, tmp_path)
    assert salted.log == ["first half", "second half"]
    serve(floury, tmp_path)
    assert floury.log == ["dough", "first half", "second half", "soup"]


def test_the_plan_tells_what_is_done_and_what_is_begun(tmp_path):
    kitchen = Kitchen()
    kitchen.killed_after = 2
    with pytest.raises(Killed):
        serve(kitchen, tmp_path)
    assert list(plan_lines([kitchen.bread, kitchen.soup], tmp_path)) == [
        " 1  dough  done   knead",
        " 2  bread  begun  bake",
        " 3  soup          boil",
    ]


def test_a_damaged_note_is_named(tmp_path):
    kitchen = Kitchen()
    serve(kitchen, tmp_path)
    (kitchen.dough.folder(tmp_path) / "done.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"dough-.*done\.json: damaged"):
        serve(kitchen, tmp_path)


def test_two_steps_of_one_name_are_our_mistake():
    one = Step("a", "", 1, lambda place: {})
    other = Step("a", "", 2, lambda place: {})
    with pytest.raises(AssertionError, match="two steps of one name"):
        in_order([one, other])


def test_a_step_loses_its_checkpoints_once_it_is_done(tmp_path):
    kitchen = Kitchen()
    kitchen.killed_after = 2
    states = kitchen.bread.folder(tmp_path) / "checkpoint/step-1"
    states.mkdir(parents=True)
    with pytest.raises(Killed):
        serve(kitchen, tmp_path)
    assert states.is_dir()
    kitchen.killed_after = 100
    results = serve(kitchen, tmp_path)
    assert not states.parent.exists()
    states.mkdir(parents=True)  # a kill just after the result was written
    assert serve(kitchen, tmp_path) == results
    assert not states.parent.exists()
