"""A container runtime of the machine, asked with the tools of our own image: a host need not have any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bootstrap.host.port import Host, HostReader
from bootstrap.model.errors import BootstrapError, Exit

CRI_TIMEOUT = 60.0
"""Seconds. crictl's own 2 s end a removal midway on a busy machine, and the runtime's CNI plugin with it."""
KUBELET_LABEL = "io.kubernetes.pod.uid"
_NAMESPACE = "io.kubernetes.pod.namespace"
_SOURCE, HASH = "kubernetes.io/config.source", "kubernetes.io/config.hash"
"""Annotations of the kubelet: where it has a Pod from, and of which bytes it is."""
PID1_ROOT = "/proc/1/root"
"""The root directory of PID 1, in its own mount namespace: with --pid=host the host's files as the host sees them now.

What the engine mounts at /host is a copy of the host's mounts: what is mounted or unmounted later may not show there.
"""


def crictl(host: HostReader, socket: str) -> tuple[str, ...]:
    """The command that asks the runtime behind a CRI socket (a path or `unix://` URL); it runs here (`Host.run`)."""
    return ("crictl", f"--runtime-endpoint=unix://{host.reach(socket.removeprefix('unix://'))}")


def patient_crictl(host: Host, socket: str, *words: str) -> str:
    """Output of a crictl command that may take its time. Raises BootstrapError (exit 5)."""
    return host.run([*crictl(host, socket), f"--timeout={CRI_TIMEOUT:.0f}s", *words], timeout=CRI_TIMEOUT, here=True)


def silence(host: Host, socket: str) -> str:
    """Why it does not serve CRI; empty when it does."""
    try:
        host.run([*crictl(host, socket), "version"], here=True)
    except BootstrapError as e:
        return " ".join((e.details or (e.what,))[-1].split())
    return ""


@contextmanager
def _readable(socket: str, wanted: str, command: str) -> Iterator[None]:
    """For what reads crictl's JSON. Raises BootstrapError (exit 5) where it is not as it has to be."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise BootstrapError(
            f"the runtime at {socket} does not say {wanted}",
            code=Exit.EFFECT,
            fix=f"crictl --runtime-endpoint {socket} {command}; then run the same command again",
        ) from e


def pod_sandboxes(host: Host, socket: str) -> dict[str, bool]:
    """Identifiers of all Pods in the runtime, each with whether a kubelet made it. Raises BootstrapError (exit 5)."""
    shown = patient_crictl(host, socket, "pods", "--output=json")
    with _readable(socket, "which Pods it has", "pods"):
        items = json.loads(shown).get("items") or ()
        return {item["id"]: KUBELET_LABEL in (item.get("labels") or {}) for item in items}


@dataclass(frozen=True)
class RunningContainer:
    """`created` in seconds since the epoch."""

    id: str
    created: float


def running_container(host: Host, socket: str, name: str) -> RunningContainer | None:
    """The container `name` of the machine's own Pods (kube-system); None when none runs. Raises BootstrapError (5)."""
    shown = patient_crictl(host, socket, "ps", "--output=json", f"--name=^{name}$", f"--label={_NAMESPACE}=kube-system")
    with _readable(socket, "what runs", "ps"):
        found = [
            RunningContainer(c["id"], int(c["createdAt"]) / 1e9) for c in json.loads(shown).get("containers") or ()
        ]
    return max(found, key=lambda container: container.created, default=None)


@dataclass(frozen=True)
class StaticPod:
    """A sandbox of a Pod that the kubelet read of a file; `made` in seconds since the epoch, `hash` of its manifest."""

    sandbox: str
    name: str
    made: float
    hash: str


def static_pods(host: Host, socket: str) -> tuple[StaticPod, ...]:
    """Those whose sandbox runs, the newest first. Raises BootstrapError (exit 5)."""
    words = ("pods", "--output=json", "--state=ready", f"--label={_NAMESPACE}=kube-system")
    shown = patient_crictl(host, socket, *words)
    with _readable(socket, "which Pods it has", "pods"):
        found = [
            StaticPod(p["id"], p["metadata"]["name"], int(p["createdAt"]) / 1e9, p["annotations"][HASH])
            for p in json.loads(shown).get("items") or ()
            if (p.get("annotations") or {}).get(_SOURCE) == "file"
        ]
    return tuple(sorted(found, key=lambda pod: -pod.made))


def end_pod(host: Host, socket: str, sandbox: str, grace: int) -> None:
    """Its containers have `grace` seconds; then it is gone, sandbox and all. Raises BootstrapError (exit 5)."""
    containers = patient_crictl(host, socket, "ps", "--quiet", f"--pod={sandbox}").split()
    if containers:
        limit = grace + CRI_TIMEOUT
        words = (f"--timeout={limit:.0f}s", "stop", f"--timeout={grace}", *containers)
        host.run([*crictl(host, socket), *words], timeout=limit, here=True)
    patient_crictl(host, socket, "stopp", sandbox)
    with suppress(BootstrapError):  # who collects what has ended was faster
        patient_crictl(host, socket, "rmp", sandbox)


def end_container(host: Host, socket: str, identifier: str, grace: int) -> None:
    """Ends a container within `grace` seconds, and removes it: then the kubelet makes the next one without a pause.

    Raises BootstrapError (exit 5).
    """
    limit = grace + CRI_TIMEOUT
    words = (f"--timeout={limit:.0f}s", "stop", f"--timeout={grace}", identifier)
    host.run([*crictl(host, socket), *words], timeout=limit, here=True)
    with suppress(BootstrapError):  # the kubelet was faster
        patient_crictl(host, socket, "rm", identifier)


def end_running(host: Host, socket: str, name: str, grace: int) -> bool:
    """Whether a container of that name ran; it is ended then. Raises BootstrapError (exit 5)."""
    found = running_container(host, socket, name)
    if found:
        end_container(host, socket, found.id, grace)
    return found is not None


def image_ids(host: Host, socket: str) -> dict[str, str] | None:
    """Name → id (digest of the configuration) of each image in the runtime; None when it does not answer."""
    try:
        shown = json.loads(host.run([*crictl(host, socket), "images", "--output=json"], here=True))
    except (BootstrapError, ValueError):
        return None
    return {name: image["id"] for image in shown.get("images") or () for name in image.get("repoTags") or ()}
