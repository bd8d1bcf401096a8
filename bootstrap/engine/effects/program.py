"""The program itself, on a host; the journal knows the tree that it lies in."""

from __future__ import annotations

from bootstrap.engine.effects.registry import register, verdict
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import HostReader
from bootstrap.host.program_copy import copy_program, identity
from bootstrap.model import names
from bootstrap.model.effects import ProgramInstalled


def _drift(host: HostReader, effect: ProgramInstalled) -> str:
    there = host.read(f"{effect.root}/{names.STAMP}")
    if there is None:
        return "missing"
    return "" if there == identity() else "content"


def _install(effect: ProgramInstalled, context: RunContext, timeout: float) -> str:
    if not _drift(context.host, effect):
        return ""
    copy_program(context.host, effect.root)
    return f"program in {effect.root}"


register(
    ProgramInstalled,
    apply=_install,
    describe=lambda effect, host: f"program in {effect.root}: {verdict(_drift(host, effect))}",
)
