"""Apply one effect: compare with what is there, change only a difference, say what changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_fixed,
)

from bootstrap.engine.world import RunOver, World
from bootstrap.host.api import object_path
from bootstrap.host.install import copy_seed, file_digest
from bootstrap.host.netstate import KINDS as NETWORK_KINDS
from bootstrap.host.port import ApiResponse, Host, HostReader
from bootstrap.host.seed import METADATA, SEED
from bootstrap.model.effects import (
    Apply,
    Create,
    Directory,
    Effect,
    EtcdPeerUrl,
    File,
    ImagesSeeded,
    Install,
    Link,
    Module,
    NetworkNoted,
    RotatableKubeletCredential,
    Sysctl,
    Tree,
    UnitRunning,
    object_name,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.record import MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT
from bootstrap.render.kubeconfig import rotatable_kubelet_conf

API_RETRY_SECONDS = 0.2
ETCD_PATIENCE = 30.0
"""Seconds for an etcd that the kubelet has just started anew; each try takes etcdctl's own 5 s at most."""


class _NotYet(Exception):
    """The API answered something that passes by itself: starting, throttled, namespace not there yet."""


def file_differs(host: HostReader, effect: File) -> str:
    """Why a file needs writing: `missing`, `content`, `mode`, or empty when it is right already."""
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if not effect.once and host.read(effect.path) != effect.content:
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def directory_differs(host: HostReader, effect: Directory) -> str:
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    return "" if stat.mode == effect.mode else "mode"


def unit_differs(host: HostReader, effect: UnitRunning) -> str:
    """`stopped`, `disabled`, `older than FILE` (it runs with content that was replaced since), or empty."""
    state = host.unit(effect.name)
    if not state.active:
        return "stopped"
    if effect.enabled and not state.enabled:
        return "disabled"
    for path in effect.uses:
        stat = host.stat(path)
        if stat and stat.mtime > state.started:
            return f"older than {path}"
    return ""


def install_differs(host: HostReader, effect: Install, wanted: str) -> str:
    """`wanted` is the sha256 of the source."""
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if host.digest(effect.path) != wanted:
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def link_differs(host: HostReader, effect: Link) -> str:
    target = host.readlink(effect.path)
    if target == effect.target or (effect.keep and (target is not None or host.stat(effect.path))):
        return ""
    return "missing" if target is None else "target"


def module_differs(host: HostReader, effect: Module) -> str:
    return "" if host.stat(effect.sign) else "not loaded"


def sysctl_differs(host: HostReader, effect: Sysctl) -> str:
    value = (host.read(effect.path) or b"").decode().strip()
    return "" if value == effect.value else f"is {value or 'missing'}"


def _make_parent(host: Host, path: str) -> None:
    parent = path.rsplit("/", 1)[0]
    if host.stat(parent) is None:
        host.mkdir(parent, 0o755)


@singledispatch
def apply_effect(effect: Effect, world: World, timeout: float) -> str:
    """Returns what changed (`/etc/… written`), or an empty string when nothing had to."""
    raise TypeError(f"no way to apply {effect!r}")


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
    _make_parent(world.host, effect.path)
    world.host.write(effect.path, content, effect.mode)
    return f"{effect.path} written"


@apply_effect.register
def _(effect: Tree, world: World, timeout: float) -> str:
    """Noted even when it is there: what others put into it is ours, what is in it now is not."""
    world.journal.note(TREE, effect.path)
    if world.host.stat(effect.path):
        return ""
    world.host.mkdir(effect.path, effect.mode)
    return f"{effect.path}/ made"


@apply_effect.register
def _(effect: NetworkNoted, world: World, timeout: float) -> str:
    for name in NETWORK_KINDS:
        world.journal.note(NETWORK, name)
    return ""


@apply_effect.register
def _(effect: Install, world: World, timeout: float) -> str:
    wanted = file_digest(effect.source)
    if not install_differs(world.host, effect, wanted):
        return ""
    world.journal.note(PATH, effect.path)
    _make_parent(world.host, effect.path)
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
    _make_parent(world.host, effect.path)
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
def _(effect: ImagesSeeded, world: World, timeout: float) -> str:
    if world.host.stat(f"{effect.root}/{METADATA}"):
        return ""
    copy_seed(SEED, world.host, effect.root)
    return f"images in {effect.root}"


@apply_effect.register
def _(effect: UnitRunning, world: World, timeout: float) -> str:
    difference = unit_differs(world.host, effect)
    if not difference:
        return ""
    world.journal.note(UNIT, effect.name)
    world.host.start_unit(effect.name, enable=effect.enabled, restart=difference.startswith("older"))
    return f"{effect.name}: {difference}, now running"


@apply_effect.register
def _(effect: Apply, world: World, timeout: float) -> str:
    path = object_path(effect.body)

    def attempt() -> str:
        before = world.api.get(path)
        after = _checked(world.api.apply(effect.body), effect.body)
        unchanged = _version(before.body) == _version(after.body)
        return "" if unchanged else f"{object_name(effect.body)} applied"

    return _persist(attempt, world, timeout)


@apply_effect.register
def _(effect: Create, world: World, timeout: float) -> str:
    def attempt() -> str:
        answer = world.api.create(effect.body)
        if answer.status == 409:
            return ""
        _checked(answer, effect.body)
        return f"{object_name(effect.body)} created"

    return _persist(attempt, world, timeout)


@apply_effect.register
def _(effect: RotatableKubeletCredential, world: World, timeout: float) -> str:
    before = world.host.read(effect.kubeconfig)
    if before is None or world.host.stat(effect.certificate) is None:
        return ""
    after = rotatable_kubelet_conf(before, effect.certificate)
    if after == before:
        return ""
    world.host.write(effect.kubeconfig, after, 0o600)
    return f"{effect.kubeconfig} written"


@apply_effect.register
def _(effect: EtcdPeerUrl, world: World, timeout: float) -> str:
    """Only the one member of a single-node etcd is looked at: a larger cluster manages its own URLs.

    An etcd that the kubelet is just starting anew does not answer yet.
    """
    retrying = Retrying(stop=stop_after_delay(ETCD_PATIENCE), wait=wait_fixed(API_RETRY_SECONDS), reraise=True)
    output = retrying(world.host.run, [*effect.etcdctl, "member", "list"])
    members = [line.split(", ") for line in output.splitlines() if line]
    if len(members) != 1 or members[0][3] == effect.url:
        return ""
    world.host.run([*effect.etcdctl, "member", "update", members[0][0], f"--peer-urls={effect.url}"])
    return f"etcd peer URL is now {effect.url}"


def _version(body: Mapping[str, Any]) -> str | None:
    metadata = body.get("metadata")
    return metadata.get("resourceVersion") if isinstance(metadata, dict) else None


def _checked(answer: ApiResponse, body: Mapping[str, Any]) -> ApiResponse:
    if answer.status in (200, 201):
        return answer
    message = str(answer.body.get("message") or answer.text[:300])
    if answer.status in (403, 404, 409, 429) or answer.status >= 500:
        raise _NotYet(f"{object_name(body)}: {message}")
    raise BootstrapError(f"the API server refused {object_name(body)}", code=Exit.API, details=(message,))


def _persist(attempt: Any, world: World, timeout: float) -> str:
    retrying = Retrying(
        stop=stop_after_delay(timeout) | stop_when_event_set(world.over),
        sleep=sleep_using_event(world.over),
        wait=wait_fixed(API_RETRY_SECONDS),
        retry=retry_if_exception_type((_NotYet, ConnectionError)),
        reraise=True,
    )
    try:
        return str(retrying(attempt))
    except (_NotYet, ConnectionError) as e:
        if world.over.is_set():
            raise RunOver from None
        raise BootstrapError(
            f"the API server did not take an object within {timeout:.0f} s", code=Exit.API, details=(str(e),)
        ) from e
