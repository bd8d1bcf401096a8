"""Running a plan: order, concurrency, failures, events, timings."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from gen_docs import default_inputs

from bootstrap.engine import failure_watch as engine_watch
from bootstrap.engine.run import run
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.timings import Timing, critical_path
from bootstrap.host.port import ApiResponse
from bootstrap.model.addon import Addon
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import Create, Directory, Effect, File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Event, StepDone, StepFailed, StepStarted, StepWaiting
from bootstrap.model.plan import Plan, Step
from tests.memory import MemoryHost
from tests.plans import planned
from tests.unit.engine.fakes import MemoryApi, config_map, context


def step(name: str, *after: str) -> Step:
    return Step(name, "Group", (File(f"/etc/{name}", b"x"),), after=after)


def silent(event: Event) -> None:
    pass


def test_a_step_starts_once_all_it_comes_after_are_done() -> None:
    host = MemoryHost()
    plan = Plan((step("d", "b", "c"), step("b", "a"), step("c", "a"), step("a")))

    run(plan, context(host), silent)

    order = [line.removeprefix("write /etc/") for line in host.changes]
    assert order[0] == "a"
    assert set(order[1:3]) == {"b", "c"}
    assert order[3] == "d"


def test_steps_that_do_not_depend_on_each_other_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=5)

    class Meeting(MemoryHost):
        def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
            both.wait()  # breaks unless the other step is writing too

    timings = run(Plan((step("a"), step("b"))), context(Meeting()), silent)

    assert {t.step for t in timings} == {"a", "b"}


def test_effects_of_a_step_keep_their_order() -> None:
    host = MemoryHost()
    effects: tuple[Effect, ...] = (Directory("/etc/x"), File("/etc/x/2", b""), File("/etc/x/1", b""))

    run(Plan((Step("s", "Group", effects),)), context(host), silent)

    assert host.changes == ["mkdir /etc/x", "write /etc/x/2", "write /etc/x/1"]


def test_an_effect_that_has_to_try_again_says_what_it_waits_for_and_what_it_saw() -> None:
    told: list[StepWaiting] = []
    tries = MemoryApi(ConnectionError("HTTPSConnectionPool(…)"), ApiResponse(503, {"message": "starting"}))

    def listen(event: Event) -> None:
        if isinstance(event, StepWaiting):
            told.append(event)

    run(Plan((Step("s", "Group", (Create(config_map()),), timeout=5),)), context(api=tries), listen)

    assert [event.seen for event in told] == ["the API server does not answer", "ConfigMap kube-system/x: starting"]
    assert told[0].condition == "the API server did not take ConfigMap kube-system/x"
    assert told[0].group == "Group"


class Failing(MemoryHost):
    """Writing a path that ends in `bad` fails."""

    def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        if path.endswith("bad"):
            raise BootstrapError("no space", code=Exit.EFFECT)
        super().write(path, content, mode, owner)


def test_nothing_starts_after_a_failure() -> None:
    host = Failing()

    with pytest.raises(BootstrapError) as caught:
        run(Plan((step("bad"), step("later", "bad"), step("last", "later"))), context(host), silent)

    assert (caught.value.code, host.changes) == (Exit.EFFECT, [])


def test_a_running_step_ends_before_the_failure_is_raised() -> None:
    started, ended = threading.Event(), threading.Event()

    class Slow(Failing):
        def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
            if path.endswith("slow"):
                started.set()
                failed.wait(5)
            else:
                started.wait(5)
            super().write(path, content, mode, owner)
            ended.set()

    failed = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, StepFailed):
            failed.set()

    with pytest.raises(BootstrapError):
        run(Plan((step("slow"), step("bad"), step("after-slow", "slow"))), context(host := Slow()), listen)
    assert ended.is_set()
    assert "write /etc/slow" in host.log
    assert "write /etc/after-slow" not in host.log


def test_a_bug_in_a_step_is_not_swallowed() -> None:
    class Broken(MemoryHost):
        def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
            raise KeyError(path)

    with pytest.raises(KeyError):
        run(Plan((step("a"),)), context(Broken()), silent)


def test_a_circle_is_a_bug() -> None:
    with pytest.raises(ValueError, match="cycle"):
        run(Plan((step("a", "b"), step("b", "a"))), context(), silent)


def test_events_tell_what_changed_and_what_is_waited_for() -> None:
    host, events = MemoryHost(), []
    answers = iter([(0, "connection refused"), (200, "ok")])
    waiting = Step("s", "Group", (File("/etc/a", b""),), (HttpOk("up", "http://x"),))

    run(Plan((waiting,)), context(host, probe=lambda url: next(answers)), events.append)

    started, waited, done = events
    assert isinstance(started, StepStarted)
    assert waited == StepWaiting("s", "Group", "up", "connection refused")
    assert isinstance(done, StepDone)
    assert done.changed == ("/etc/a written",)


def test_a_second_run_changes_nothing() -> None:
    host = MemoryHost()
    plan = Plan((step("a"), step("b", "a")))
    run(plan, context(host), silent)
    host.log.clear()

    timings = run(plan, context(host), silent)

    assert host.changes == []
    assert all(t.changed == () for t in timings)


def test_an_empty_plan_is_done_at_once() -> None:
    assert run(Plan(()), context(), silent) == ()


def test_the_api_client_is_made_once_and_only_when_needed() -> None:
    made: list[int] = []

    def connect() -> object:
        made.append(1)
        return object()

    subject = RunContext(MemoryHost(), connect, lambda url: (200, ""), "init")  # type: ignore[arg-type]
    assert made == []
    assert subject.api is subject.api
    assert made == [1]


WORKLOAD = b"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}"


def test_steps_that_wait_leave_room_for_what_they_wait_for() -> None:
    """The real plan with many add-ons: Pods of each may wait for what the last one brings."""
    addons = tuple(Addon(f"a{i}", f"/a{i}", WORKLOAD) for i in range(20))
    real, host = planned(default_inputs(), addons=addons), MemoryHost()

    def seen(url: str) -> tuple[int, str]:
        return (200, "") if host.stat("/etc/addon-a19") else (0, "not yet")

    def stand_in(step: Step) -> Step:
        mark = File("/etc/" + step.id.replace("/", "-"), b"")
        waits = (HttpOk("", "http://x"),) if step.waits and step.id.startswith("addon/a") else ()
        return replace(step, effects=(mark,), waits=waits, timeout=5)

    done = run(Plan(tuple(map(stand_in, real.steps))), context(host, probe=seen), silent)

    assert len(done) == len(real.steps)


def waiting(name: str) -> Step:
    return Step(name, "Group", waits=(HttpOk("up", "http://x"),), timeout=60)


def useless() -> None:
    raise BootstrapError("crash-looping", code=Exit.WAIT)


def test_a_look_that_finds_a_definite_failure_ends_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_watch, "FIRST_LOOK", 0.01)
    subject, events = context(), list[Event]()
    subject.look = useless

    began = time.monotonic()
    with pytest.raises(BootstrapError, match="crash-looping"):
        run(Plan((waiting("a"), waiting("b"), step("c", "a"))), subject, events.append)
    assert time.monotonic() - began < 5
    assert not [event for event in events if isinstance(event, StepFailed)]


def test_a_failed_step_ends_the_waits_of_the_others() -> None:
    began = time.monotonic()
    with pytest.raises(BootstrapError, match="no space"):
        run(Plan((waiting("a"), step("bad"))), context(Failing()), silent)
    assert time.monotonic() - began < 5


def test_a_failed_step_ends_calls_of_an_api_that_does_not_answer() -> None:
    calling = Step("call", "Group", (Create(config_map()),), timeout=60)
    api = MemoryApi(*[ConnectionError()] * 10_000)

    began = time.monotonic()
    with pytest.raises(BootstrapError, match="no space"):
        run(Plan((calling, step("bad"))), context(Failing(), api), silent)
    assert time.monotonic() - began < 5


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What was started in the background of a shell ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_raised_while_a_step_still_runs() -> None:
    """The threads are left behind: the process ends with os._exit."""
    stuck = threading.Event()

    class Stuck(MemoryHost):
        def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
            stuck.wait(20)

    subject = context(Stuck())
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(Plan((step("a"),)), subject, silent)
    assert time.monotonic() - began < 5
    assert subject.over.is_set()
    stuck.set()


def timing(name: str, started: float, seconds: float, *after: str) -> Timing:
    return Timing(name, "Group", after, started, seconds)


def test_critical_path_follows_the_predecessor_that_ended_last() -> None:
    timings = [
        timing("a", 0, 1),
        timing("b", 0, 3),
        timing("c", 3, 2, "a", "b"),
        timing("d", 1, 1, "a"),
    ]

    assert [t.step for t in critical_path(timings)] == ["b", "c"]


def test_critical_path_of_nothing_is_empty() -> None:
    assert critical_path([]) == ()


@pytest.mark.parametrize(
    ("steps", "what"),
    [((step("a"), step("a")), "same id"), ((step("a", "nowhere"),), "unknown steps")],
)
def test_a_plan_that_cannot_be_run_is_refused(steps: tuple[Step, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Plan(steps)
