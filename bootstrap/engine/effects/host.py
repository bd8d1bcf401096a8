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
from bootstrap.engine.run_context import World
from bootstrap.host.facts.netfilter import KINDS as NETWORK_KINDS
from bootstrap.host.images.seed_copy import file_digest
from bootstrap.host.port import Host
from bootstrap.model.effects import (
    Directory,
    File,
    Install,
    Link,
    Module,
    NetworkNoted,
    Noted,
    Sysctl,
    Tree,
    UnitRunning,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT


def make_parent(host: Host, path: str) -> None:
    parent = path.rsplit("/", 1)[0]
    if host.stat(parent) is None:
        host.mkdir(parent, 0o755)


@apply_effect.register
def _(effect: Directory, world: World, timeout: float) -> str:
    if not directory_differs(world.host, effect):
        return ""
    world.journal.note(PATH, effect.path)
    world.host.mkdir(effect.path, effect.mode)
    return f"{effect.path}/ made"


@apply_effect.register
def _(effect: File, world: World, timeout: float) -> str:
    difference = file_differs(world.host, effect)
    if not difference:
        return ""
    content = effect.content
    if difference == "mode":
        content = world.host.read(effect.path) or b""
    world.journal.note(PATH, effect.path)
    make_parent(world.host, effect.path)
    world.host.write(effect.path, content, effect.mode)
    return f"{effect.path} written"


@apply_effect.register
def _(effect: Tree, world: World, timeout: float) -> str:
    """What others put into it is ours, what is in it now is not."""
    world.journal.note(TREE, effect.path)
    return ""


@apply_effect.register
def _(effect: NetworkNoted, world: World, timeout: float) -> str:
    for name in NETWORK_KINDS:
        world.journal.note(NETWORK, name)
    return ""


@apply_effect.register
def _(effect: Noted, world: World, timeout: float) -> str:
    world.journal.note(effect.kind, effect.name)
    return ""


@apply_effect.register
def _(effect: Install, world: World, timeout: float) -> str:
    wanted = file_digest(effect.source)
    if not install_differs(world.host, effect, wanted):
        return ""
    world.journal.note(PATH, effect.path)
    make_parent(world.host, effect.path)
    world.host.install(effect.source, effect.path, effect.mode)
    if world.host.digest(effect.path) != wanted:
        raise BootstrapError(
            f"{effect.path} is not what was written to it",
            code=Exit.EFFECT,
            why="its sha256 differs from that of the file in the image: the disk or its file system is damaged",
            fix="look at the kernel's messages: dmesg",
        )
    return f"{effect.path} installed"


@apply_effect.register
def _(effect: Link, world: World, timeout: float) -> str:
    if not link_differs(world.host, effect):
        return ""
    world.journal.note(PATH, effect.path, itself=True)
    make_parent(world.host, effect.path)
    world.host.symlink(effect.target, effect.path)
    return f"{effect.path} linked"


@apply_effect.register
def _(effect: Module, world: World, timeout: float) -> str:
    if not module_differs(world.host, effect):
        return ""
    world.journal.note(MODULE, effect.name)
    world.host.run(["modprobe", effect.name])
    return f"module {effect.name} loaded"


@apply_effect.register
def _(effect: Sysctl, world: World, timeout: float) -> str:
    if not sysctl_differs(world.host, effect):
        return ""
    world.journal.note(SYSCTL, effect.key)
    world.host.set_sysctl(effect.key, effect.value)
    return f"{effect.key} = {effect.value}"


@apply_effect.register
def _(effect: UnitRunning, world: World, timeout: float) -> str:
    difference = unit_differs(world.host, effect)
    if not difference:
        return ""
    world.journal.note(UNIT, effect.name)
    world.host.start_unit(effect.name, enable=effect.enabled, restart=difference.startswith("older"))
    return f"{effect.name}: {difference}, now running"
