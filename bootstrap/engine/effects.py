"""Apply one effect: compare with what is there, change only a difference, say what changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from bootstrap.engine.world import World
from bootstrap.host.api import object_path
from bootstrap.host.limits import Deadline, Limits
from bootstrap.host.port import ApiResponse, HostReader
from bootstrap.host.runtime_images import RuntimeImages, own_platform
from bootstrap.host.station import Station
from bootstrap.model.effects import (
    Apply,
    Create,
    Directory,
    Effect,
    EtcdPeerUrl,
    File,
    ImagePresent,
    RotatableKubeletCredential,
    UnitRunning,
    object_name,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.reference import parse_reference
from bootstrap.render.kubeconfig import rotatable_kubelet_conf
from bootstrap.render.mirrors import route

API_RETRY_SECONDS = 0.2


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


@singledispatch
def apply_effect(effect: Effect, world: World, timeout: float) -> str:
    """Returns what changed (`/etc/… written`), or an empty string when nothing had to."""
    raise TypeError(f"no way to apply {effect!r}")


@apply_effect.register
def _(effect: Directory, world: World, timeout: float) -> str:
    if not directory_differs(world.host, effect):
        return ""
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
    parent = effect.path.rsplit("/", 1)[0]
    if world.host.stat(parent) is None:
        world.host.mkdir(parent, 0o755)
    world.host.write(effect.path, content, effect.mode)
    return f"{effect.path} written"


@apply_effect.register
def _(effect: UnitRunning, world: World, timeout: float) -> str:
    difference = unit_differs(world.host, effect)
    if not difference:
        return ""
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

    return _persist(attempt, timeout)


@apply_effect.register
def _(effect: Create, world: World, timeout: float) -> str:
    def attempt() -> str:
        answer = world.api.create(effect.body)
        if answer.status == 409:
            return ""
        _checked(answer, effect.body)
        return f"{object_name(effect.body)} created"

    return _persist(attempt, timeout)


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
    """Only the one member of a single-node etcd is looked at: a larger cluster manages its own URLs."""
    output = world.host.run([*effect.etcdctl, "member", "list"])
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


def _persist(attempt: Any, timeout: float) -> str:
    retrying = Retrying(
        stop=stop_after_delay(timeout),
        wait=wait_fixed(API_RETRY_SECONDS),
        retry=retry_if_exception_type((_NotYet, ConnectionError)),
        reraise=True,
    )
    try:
        return str(retrying(attempt))
    except (_NotYet, ConnectionError) as e:
        raise BootstrapError(
            f"the API server did not take an object within {timeout:.0f} s", code=Exit.API, details=(str(e),)
        ) from e


@apply_effect.register
def _(effect: ImagePresent, world: World, timeout: float) -> str:
    runtime, image = RuntimeImages(world.host, effect.socket), parse_reference(effect.image)
    if not effect.always and runtime.digest(image.tagged):
        return ""
    limits = Limits(total=timeout)
    station = Station(runtime, own_platform(), limits, Deadline.after(timeout), world.report)
    _, found, _ = station.bring_in(image, route(effect.mirrors, image), None)
    return f"{effect.image} brought in from {found.candidate.server.host}" if found else ""
