"""Run a plan: ready steps go concurrently, each in a thread."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from graphlib import TopologicalSorter

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.failure_watch import watch
from bootstrap.engine.run_context import WAITING, RunContext, RunOver
from bootstrap.engine.timings import Timing
from bootstrap.engine.wait import wait_for
from bootstrap.model.errors import BootstrapError
from bootstrap.model.events import Event, StepDone, StepFailed, StepStarted, StepWaiting
from bootstrap.model.plan import Plan, Step

EventListener = Callable[[Event], None]


def run(plan: Plan, context: RunContext, listen: EventListener) -> tuple[Timing, ...]:
    """Runs every step once its predecessors are done.

    The first failure is raised after the running steps have ended; nothing new starts after it, and who waits stops.
    KeyboardInterrupt is raised at once, whatever still runs: every change is whole or not there.
    """
    sorter = TopologicalSorter({step.id: step.after for step in plan.steps})
    sorter.prepare()
    steps = {step.id: step for step in plan.steps}
    timings: list[Timing] = []
    failure: BootstrapError | None = None
    start = time.monotonic()
    with _pool(context, len(plan.steps)) as pool:
        running: dict[Future[Timing | None], str] = {pool.submit(watch, context): ""}
        while sorter.is_active() and not (failure and not running):
            if not failure:
                for step_id in sorter.get_ready():
                    running[pool.submit(_run_step, steps[step_id], context, listen, start)] = step_id
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                step_id = running.pop(future)
                try:
                    if timing := future.result():
                        timings.append(timing)
                        sorter.done(step_id)
                except RunOver:
                    continue
                except BootstrapError as e:
                    failure = failure or e
                    context.over.set()
    if failure:
        raise failure
    return tuple(timings)


@contextlib.contextmanager
def _pool(context: RunContext, steps: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for the steps and the watch; left only when they have ended, unless the user interrupts.

    One for each, made when there is something to run: a step that waits for what another does never keeps it waiting.
    """
    pool = ThreadPoolExecutor(steps + 1)
    interrupted = False
    try:
        yield pool
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        context.over.set()
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def _waiting(step: Step, listen: EventListener, what: str, seen: str) -> None:
    listen(StepWaiting(step.id, step.group, what, seen))


def _run_step(step: Step, context: RunContext, listen: EventListener, start: float) -> Timing:
    began = time.monotonic()
    waiting = partial(_waiting, step, listen)
    WAITING.set(waiting)
    listen(StepStarted(step.id, step.group))
    try:
        changed = [change for effect in step.effects if (change := apply_effect(effect, context, step.timeout))]
        for condition in step.waits:
            wait_for(condition, context, step.timeout, partial(waiting, condition.title))
    except BootstrapError as e:
        e.instead = e.instead or step.instead
        listen(StepFailed(step.id, step.group, e.what))
        raise
    seconds = time.monotonic() - began
    listen(StepDone(step.id, step.group, tuple(changed), began - start, seconds))
    return Timing(step.id, step.group, step.after, began - start, seconds, tuple(changed))
