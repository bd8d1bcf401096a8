"""Files, links, modules, settings and units of the host."""

from __future__ import annotations

from bootstrap.engine.drift import (
    directory_differs,
    file_differs,
    install_differs,
    link_differs,
    module_differs,
    sysctl_differs,
    unit_differs,
)
from bootstrap.engine.effects.dispatch import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.netfilter import KINDS as NETWORK_KINDS
from bootstrap.host.images.seed_copy import file_digest
from bootstrap.host.port import Host
from bootstrap.model.effects import (
    Directory,
    File,
    Install,
    KernelModule,
    Link,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    Sysctl,
    UnitRunning,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT


def make_parent(host: Host, path: str) -> None:
    parent = path.rsplit("/", 1)[0]
    if host.stat(parent) is None:
        host.mkdir(parent, 0o755)


@apply_effect.register
def _(effect: Directory, context: RunContext, timeout: float) -> str:
    if not directory_differs(context.host, effect):
        return ""
    context.journal.note(PATH, effect.path)
    context.host.mkdir(effect.path, effect.mode)
    return f"{effect.path}/ made"


@apply_effect.register
def _(effect: File, context: RunContext, timeout: float) -> str:
    difference = file_differs(context.host, effect)
    if not difference:
        return ""
    content = effect.content
    if difference == "mode":
        content = context.host.read(effect.path) or b""
    context.journal.note(PATH, effect.path)
    make_parent(context.host, effect.path)
    context.host.write(effect.path, content, effect.mode)
    return f"{effect.path} written"


@apply_effect.register
def _(effect: RecordDirectory, context: RunContext, timeout: float) -> str:
    """What others put into it is ours, what is in it now is not."""
    context.journal.note(TREE, effect.path)
    return ""


@apply_effect.register
def _(effect: RecordNetwork, context: RunContext, timeout: float) -> str:
    for name in NETWORK_KINDS:
        context.journal.note(NETWORK, name)
    return ""


@apply_effect.register
def _(effect: RecordState, context: RunContext, timeout: float) -> str:
    context.journal.note(effect.kind, effect.name)
    return ""


@apply_effect.register
def _(effect: Install, context: RunContext, timeout: float) -> str:
    wanted = file_digest(effect.source)
    if not install_differs(context.host, effect, wanted):
        return ""
    context.journal.note(PATH, effect.path)
    make_parent(context.host, effect.path)
    context.host.install(effect.source, effect.path, effect.mode)
    if context.host.digest(effect.path) != wanted:
        raise BootstrapError(
            f"{effect.path} is not what was written to it",
            code=Exit.EFFECT,
            why="its sha256 differs from that of the file in the image: the disk or its file system is damaged",
            fix="look at the kernel's messages: dmesg",
        )
    return f"{effect.path} installed"


@apply_effect.register
def _(effect: Link, context: RunContext, timeout: float) -> str:
    if not link_differs(context.host, effect):
        return ""
    context.journal.note(PATH, effect.path, itself=True)
    make_parent(context.host, effect.path)
    context.host.symlink(effect.target, effect.path)
    return f"{effect.path} linked"


@apply_effect.register
def _(effect: KernelModule, context: RunContext, timeout: float) -> str:
    if not module_differs(context.host, effect):
        return ""
    context.journal.note(MODULE, effect.name)
    context.host.run(["modprobe", effect.name])
    return f"module {effect.name} loaded"


@apply_effect.register
def _(effect: Sysctl, context: RunContext, timeout: float) -> str:
    if not sysctl_differs(context.host, effect):
        return ""
    context.journal.note(SYSCTL, effect.key)
    context.host.set_sysctl(effect.key, effect.value)
    return f"{effect.key} = {effect.value}"


@apply_effect.register
def _(effect: UnitRunning, context: RunContext, timeout: float) -> str:
    difference = unit_differs(context.host, effect)
    if not difference:
        return ""
    context.journal.note(UNIT, effect.name)
    context.host.start_unit(effect.name, enable=effect.enabled, restart=difference.startswith("older"))
    return f"{effect.name}: {difference}, now running"
