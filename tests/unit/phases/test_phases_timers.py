"""The timers of a control plane: certificates are renewed, etcd is saved where that is asked for."""

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
SAVING = f"{names.SNAPSHOTS}.timer"
UNITS = [f"/etc/systemd/system/{SERVICE}", f"/etc/systemd/system/{TIMER}"]


def made(mode: str, *, wanted: bool = True, snapshots: int = 0) -> list[list[object]]:
    """Effects of each step."""
    inputs = default_inputs()[0]
    own = replace(inputs.cfg.own, certificate_renewal=wanted, etcd_snapshots=snapshots)
    facts = GUEST_HOST if mode == "host" else NODE
    steps = timer_steps(replace(inputs, cfg=replace(inputs.cfg, own=own), facts=facts)).steps
    return [list(step.effects) for step in steps]


@pytest.mark.parametrize(("mode", "roots"), [("host", [names.HOST_PROGRAM]), ("node", [])])
def test_a_host_keeps_the_program_that_a_container_has(mode: str, roots: list[str]) -> None:
    found = made(mode)[0]
    service, timer = (e for e in found if isinstance(e, File))

    assert [e.root for e in found if isinstance(e, ProgramInstalled)] == roots
    assert [service.path, timer.path] == UNITS
    assert b"ExecStart=/usr/bin/bootstrap certs renew all --due\n" in service.content
    assert (b"BindPaths=/:/host\n" in service.content) is bool(roots)
    assert found[-1] == UnitRunning(TIMER, tuple(UNITS), enabled=bool(roots))


def test_one_that_is_not_wanted_is_stopped_before_its_files_go() -> None:
    assert made("host", wanted=False)[0] == [UnitStopped(TIMER), *map(FileGone, UNITS)]


@pytest.mark.parametrize(("mode", "brings"), [("host", 1), ("node", 0)])
def test_snapshots_are_taken_only_where_they_are_asked_for(mode: str, brings: int) -> None:
    off, on = made(mode)[1], made(mode, wanted=False, snapshots=7)[1]
    service = next(e for e in on if isinstance(e, File))

    assert off[0] == UnitStopped(SAVING)
    assert not [e for e in off if isinstance(e, File | UnitRunning)]
    assert len([e for e in on if isinstance(e, ProgramInstalled)]) == brings
    assert b"ExecStart=/usr/bin/bootstrap etcd snapshot save --keep 7\n" in service.content
    assert isinstance(on[-1], UnitRunning) and on[-1].name == SAVING


def test_a_unit_is_stopped_once() -> None:
    host = MemoryHost()
    host.units[TIMER] = UnitState(active=True, enabled=True, started=0.0, sub_state="waiting")
    context = RunContext(host, lambda: None, lambda url: (200, ""), "init")  # type: ignore[arg-type,return-value]

    assert effects.apply_effect(UnitStopped(TIMER), context, 1)
    assert not effects.apply_effect(UnitStopped(TIMER), context, 1)
