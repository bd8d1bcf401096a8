"""One at a time: a load waits for its turn and says for whom."""

from __future__ import annotations

import threading

import pytest

from bootstrap.engine import turn
from bootstrap.engine.turn import alone, own_turn
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from tests.memory import MemoryHost


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "PAUSE", 0.001)


def test_while_it_is_ours_nobody_else_has_it() -> None:
    host, said = MemoryHost(), list[str]()
    with own_turn(host, said.append), pytest.raises(BootstrapError) as caught, host.lock(names.IMAGES_LOCK):
        pass

    assert caught.value.code == Exit.CONFLICT
    assert said == []
    with host.lock(names.IMAGES_LOCK):
        pass


def test_it_waits_for_whoever_has_it_and_says_so_once() -> None:
    host, said, done = MemoryHost(), list[str](), threading.Event()

    def load() -> None:
        with own_turn(host, said.append):
            done.set()

    with host.lock(names.IMAGES_LOCK):
        other = threading.Thread(target=load)
        other.start()
        assert not done.wait(0.05)
    other.join()

    assert done.is_set()
    assert said == [f"waiting: another run holds {names.IMAGES_LOCK}"]


def test_its_patience_ends_with_the_holders_name() -> None:
    host = MemoryHost()
    with host.lock(names.IMAGES_LOCK), pytest.raises(BootstrapError, match="another run holds"):  # noqa: SIM117
        with own_turn(host, lambda line: None, patience=0.01):
            pass


def test_who_starts_the_runtime_has_the_first_turn() -> None:
    host, said, up, done = MemoryHost(), list[str](), threading.Event(), threading.Event()

    def load() -> None:
        with own_turn(host, said.append, starting=lambda: not up.is_set()):
            done.set()

    other = threading.Thread(target=load)
    other.start()
    with alone(host, said.append):
        assert not done.wait(0.05)
        up.set()
        assert not done.wait(0.05)
    other.join()
    assert done.is_set()


def test_a_runtime_that_nobody_starts_is_not_waited_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "START", 0.01)
    with own_turn(MemoryHost(), lambda line: None, starting=lambda: True):
        pass


def test_any_other_failure_is_one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise BootstrapError("read-only", code=Exit.EFFECT)

    host = MemoryHost()
    monkeypatch.setattr(host, "lock", refuse)
    with pytest.raises(BootstrapError, match="read-only"), own_turn(host, lambda line: None):
        pass


def test_a_run_of_the_whole_machine_waits_for_a_load_and_refuses_another_run() -> None:
    host, said, done = MemoryHost(), list[str](), threading.Event()

    def init() -> None:
        with alone(host, said.append):
            with pytest.raises(BootstrapError) as caught, alone(host, said.append):
                pass
            assert caught.value.code == Exit.CONFLICT
            done.set()

    with own_turn(host, said.append):
        other = threading.Thread(target=init)
        other.start()
        assert not done.wait(0.05)
    other.join()

    assert done.is_set()
    assert said == [f"waiting: another run holds {names.IMAGES_LOCK}"]


def test_a_load_waits_for_a_run_of_the_whole_machine() -> None:
    host, said = MemoryHost(), list[str]()
    with alone(host, said.append), pytest.raises(BootstrapError, match="another run holds"):  # noqa: SIM117
        with own_turn(host, said.append, patience=0.01):
            pass
    assert len(said) == 1
