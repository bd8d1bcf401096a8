"""`cluster upgrade`: node by node onto another image, control planes first, each with what it has made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bootstrap.config import read_stored
from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.host.docker.successors import ASIDE
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER
from bootstrap.model.containers import Found
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.last_words import said_failure
from bootstrap.workflows.cluster.load import ids_in
from bootstrap.workflows.cluster.watch import Listener, watch
from bootstrap.workflows.upgrade.version import check_step

CARRIED = f"{names.KUBELET_DIR}/bootstrap-images.tar"
"""Images that somebody brought, on their way: in a volume that both containers have."""


@dataclass(frozen=True)
class UpgradeRequest:
    """`timeout` is a node's, and `drain_timeout` that of its Pods; `image` is empty for the command's own."""

    image: str = ""
    timeout: float = 300
    drain_timeout: float = 300


@dataclass(frozen=True)
class Upgraded:
    """`seconds`: node → until it was well again."""

    before: str
    after: str
    seconds: dict[str, float]


def upgrade(engine: ClusterEngine, cluster: str, request: UpgradeRequest, listen: Listener) -> Upgraded:
    """Nodes that have the image already are left alone.

    Raises BootstrapError: exit 8 (it does not run, or that version cannot follow), 9 (no such image), and what a node
    says, which then is what it was before.
    """
    image, after = engine.successors.image(request.image)
    _settle(engine, cluster, request, listen)
    nodes = [one for one in engine.containers.found(cluster) if one.is_node]
    if resting := [one.name for one in nodes if one.state != "running"]:
        raise BootstrapError(
            f"{', '.join(resting)}: not running",
            code=Exit.CONFLICT,
            fix=f"bootstrap cluster start {cluster}",
        )
    before = {one.name: _version(engine, one) for one in nodes}
    left = [one for one in nodes if one.image != image]
    for one in left:
        check_step(before[one.name], after, "bootstrap cluster upgrade --image IMAGE")
    run = _Upgrade(engine, nodes, image, request, listen)
    seconds = {one.name: run.node(one) for one in left}
    if left and not run.is_alone:
        run.finish()
    return Upgraded(min(before.values(), default=after), after, seconds)


def _settle(engine: ClusterEngine, cluster: str, request: UpgradeRequest, listen: Listener) -> None:
    """A run that was interrupted: a successor that is there goes on by itself; without one, the old one does."""
    found = {one.name: one for one in engine.containers.found(cluster)}
    for name in [name.removesuffix(ASIDE) for name in found if name.endswith(ASIDE)]:
        if name not in found:
            engine.successors.go_back(name)
        elif found[name].state != "running":
            engine.containers.start(name)
        watch(engine.containers, [name], request.timeout, listen, began=time.monotonic())
        if name in found:
            engine.successors.forget(name)
        engine.containers.keep_running(name)


def _version(engine: ClusterEngine, node: Found) -> str:
    stored = engine.containers.read(node.name, names.STATE_CONFIG)
    if stored is None:
        raise BootstrapError(
            f"{node.name} has not become a node yet", code=Exit.CONFLICT, fix=f"docker logs {node.name}"
        )
    return read_stored(stored).cluster.kubernetes_version


class _Upgrade:
    def __init__(
        self, engine: ClusterEngine, nodes: Sequence[Found], image: str, request: UpgradeRequest, listen: Listener
    ) -> None:
        self._engine, self._image, self._request, self._listen = engine, image, request, listen
        planes = [one.name for one in nodes if one.role == CONTROL_PLANE]
        self._speaker = planes[0]
        self.is_alone = len(planes) == 1
        # a member that forgets what it told others would harm them; one that is alone may be what it was
        self._copied = (names.ETCD_DATA_DIR,) if self.is_alone else ()

    def node(self, one: Found) -> float:
        """Seconds until it was well again."""
        began = time.monotonic()
        cordoned = one.role == WORKER and self._drain(one.name)
        images = self._saved(one.name)
        self._engine.successors.put_aside(one.name)
        try:
            copied = self._copied if one.role == CONTROL_PLANE else ()
            self._engine.successors.start(one.name, self._image, copied=copied)
            self._watch(one.name, began)
        except BootstrapError as e:
            self._engine.containers.remove(one.name)
            self._engine.successors.go_back(one.name)
            self._watch(one.name, time.monotonic())
            e.what += f": {one.name} is what it was before"
            raise
        finally:
            if cordoned:
                self._told("kubectl", "uncordon", one.name)
        self._engine.successors.forget(one.name)
        self._engine.containers.keep_running(one.name)
        if images:
            self._engine.containers.run(one.name, ["bootstrap", "images", "load", CARRIED])
        self._engine.containers.run(one.name, ["rm", "-f", CARRIED])
        return time.monotonic() - began

    def finish(self) -> None:
        """Where several control planes follow each other the add-ons wait for the last node. Raises BootstrapError."""
        ran = self._engine.containers.run(self._speaker, ["bootstrap", "upgrade", "apply", "-y"])
        if ran.code:
            raise said_failure(self._speaker, ran.lines, ran.code)

    def _watch(self, name: str, began: float) -> None:
        watch(self._engine.containers, [name], self._request.timeout, self._listen, began=began)

    def _drain(self, name: str) -> bool:
        """Whether it takes Pods again afterwards. Raises BootstrapError (exit 6) when a budget keeps one."""
        found = self._told("kubectl", "get", "node", name, "-o", "jsonpath={.spec.unschedulable}")
        seconds = f"--timeout={self._request.drain_timeout:.0f}s"
        words = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", seconds)
        self._listen(name, "its Pods go elsewhere", None)
        ran = self._engine.containers.run(self._speaker, ["kubectl", "drain", name, *words])
        if ran.code:
            if found != b"true":
                self._told("kubectl", "uncordon", name)
            raise BootstrapError(
                f"{name} was not drained",
                code=Exit.WAIT,
                details=tuple(line.strip() for line in ran.lines[-5:]),
                fix="kubectl get pdb -A shows who keeps them; or give it more time: --drain-timeout",
            )
        return found != b"true"

    def _told(self, *words: str) -> bytes:
        return self._engine.containers.run(self._speaker, words).out.strip()

    def _saved(self, name: str) -> bool:
        """Whether somebody brought images into the node, which are on their way then."""
        brought = [tag for tag in ids_in(self._engine, name) if not tag.startswith(f"{names.BUILT_REPOSITORY}/")]
        words = ("ctr", "-n", "k8s.io", "images", "export", CARRIED, *brought)
        return bool(brought) and self._engine.containers.run(name, words).code == 0
