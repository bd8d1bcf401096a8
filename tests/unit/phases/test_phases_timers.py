"""The timer that renews a control plane's certificates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gen_docs import default_inputs

from bootstrap.engine import effects
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.effects import File, FileGone, ProgramInstalled, UnitRunning, UnitStopped
from bootstrap.phases.timers import timer_steps
from tests.golden.rendered import GUEST_HOST, NODE
from tests.memory import MemoryHost

TIMER, SERVICE = f"{names.RENEWAL}.timer", f"{names.RENEWAL}.service"
UNITS = [f"/etc/systemd/system/{SERVICE}", f"/etc/systemd/system/{TIMER}"]


def made(mode: str, *, wanted: bool = True) -> list[object]:
    inputs = default_inputs()[0]
    own = replace(inputs.cfg.own, certificate_renewal=wanted)
    facts = GUEST_HOST if mode == "host" else NODE
    (step,) = timer_steps(replace(inputs, cfg=replace(inputs.cfg, own=own), facts=facts)).steps
    return list(step.effects)


@pytest.mark.parametrize(("mode", "roots"), [("host", [names.HOST_PROGRAM]), ("node", [])])
def test_a_host_keeps_the_program_that_a_container_has(mode: str, roots: list[str]) -> None:
    found = made(mode)
    service, timer = (e for e in found if isinstance(e, File))

    assert [e.root for e in found if isinstance(e, ProgramInstalled)] == roots
    assert [service.path, timer.path] == UNITS
    assert b"ExecStart=/usr/bin/bootstrap certs renew all --due\n" in service.content
    assert (b"BindPaths=/:/host\n" in service.content) is bool(roots)
    assert found[-1] == UnitRunning(TIMER, tuple(UNITS), enabled=bool(roots))


def test_one_that_is_not_wanted_is_stopped_before_its_files_go() -> None:
    assert made("host", wanted=False) == [UnitStopped(TIMER), *map(FileGone, UNITS)]


def test_a_unit_is_stopped_once() -> None:
    host = MemoryHost()
    host.units[TIMER] = UnitState(active=True, enabled=True, started=0.0, sub_state="waiting")
    context = RunContext(host, lambda: None, lambda url: (200, ""), "init")  # type: ignore[arg-type,return-value]

    assert effects.apply_effect(UnitStopped(TIMER), context, 1)
    assert not effects.apply_effect(UnitStopped(TIMER), context, 1)
