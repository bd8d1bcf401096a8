"""`etcd rotate-encryption-key`: another key for Secrets, without a moment in which an API server cannot read one.

Each control plane changes its own file, and goes one stage further when all API servers say that they are as far. That
is all that is remembered: a run that died is run again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tenacity import RetryError, retry_if_result, wait_fixed

from bootstrap.engine.polling import Paced
from bootstrap.host.facts.cluster import SYSTEM, api_servers
from bootstrap.host.facts.static_pods import static_pod
from bootstrap.host.port import Api, Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.uploads import CERTIFICATES
from bootstrap.render.controlplane.args import flags_of
from bootstrap.render.controlplane.encryption import FLAG, KEY_BYTES, RELOAD, encoded
from bootstrap.render.controlplane.key_rotation import Rotation, Stage, active, rotation
from bootstrap.workflows.etcd.rewrite import rewrite

Connect = Callable[[str], Api]
"""An API server's address and port → its administrator there."""
Tell = Callable[[str, str], None]
"""Says a line, with a mark before it."""
DONE, WAITING = "✓", "·"
COMMAND = "bootstrap etcd rotate-encryption-key"
AGAIN = f"then run here again: {COMMAND}, which goes on where it is"
RELOADED = 180.0
"""Seconds for this machine's own API server, which looks at its file once a minute."""


@dataclass(frozen=True)
class KeyRotation:
    """`servers` are the control planes' names, and where the API server of each answers; `own` is one of them."""

    rotation: Rotation
    servers: Mapping[str, str]
    own: str

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(name for name in self.servers if name != self.own)

    @property
    def lines(self) -> tuple[str, ...]:
        """What is left to do here."""
        new, others = self.rotation.new, ", ".join(self.others)
        told = {
            Stage.ADDED: f"add {new} to {names.ENCRYPTION_CONFIG}; wait until that is on {others} too",
            Stage.FIRST: f"encrypt with {new}; wait until every API server does",
            Stage.DROPPED: f"write all Secrets again; drop {self.rotation.old}",
        }
        return tuple(told[stage] for stage in Stage if stage > self.rotation.stage and (others or stage != Stage.ADDED))


def decide(host: HostReader, connect: Connect) -> KeyRotation:
    """Changes nothing. Raises ConnectionError, and BootstrapError: exit 7, 8 (it cannot be done, or not known)."""
    endpoint = _own_endpoint(host)
    content = host.read(names.ENCRYPTION_CONFIG) or b""
    found = rotation(content, encoded(secrets.token_bytes(KEY_BYTES)))
    if found is None:
        raise BootstrapError(
            f"{names.ENCRYPTION_CONFIG} does not hold one or two keys for Secrets, and nothing else",
            code=Exit.CONFLICT,
            why="a plugin has its keys itself, and what was written by hand is not changed",
            fix="give it another key yourself: https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data",
        )
    servers = _servers(connect(endpoint))
    own = next((name for name, where in servers.items() if where == endpoint), "")
    missing = [name for name, where in servers.items() if not where]
    if missing or not own:
        raise BootstrapError(
            f"control planes without an API server that could be asked: {', '.join(missing) or endpoint}",
            code=Exit.CONFLICT,
            why="one that comes up later would not read Secrets that have another key",
            fix=f"start them, or delete their nodes if they are gone for good; {AGAIN}",
        )
    what = KeyRotation(found, servers, own)
    if found.stage == Stage.OLD:
        _check_same(what, connect)
    return what


def _own_endpoint(host: HostReader) -> str:
    """Raises BootstrapError (exit 8) where no API server works with a configuration of ours that it reads again."""
    pod = static_pod(host, "kube-apiserver")
    flags = flags_of(pod) if pod else {}
    if pod and flags.get(FLAG) == names.ENCRYPTION_CONFIG and flags.get(RELOAD) == "true":
        return str((pod["metadata"].get("annotations") or {}).get(names.APISERVER_ENDPOINT, ""))
    raise BootstrapError(
        "the API server here does not encrypt Secrets with a key of ours",
        code=Exit.CONFLICT,
        why=f"--{FLAG} is {flags[FLAG]}"
        if FLAG in flags
        else "this is no control plane, or encryption was not asked for",
        fix="bootstrap init --reconfigure --encryption-provider secretbox turns it on",
    )


def _servers(api: Api) -> dict[str, str]:
    found = api_servers(lambda path: api.get(path).found)
    if found is None:
        raise BootstrapError(
            "the API server does not say which control planes there are",
            code=Exit.API,
            why="they all read Secrets",
            fix="bootstrap diagnose",
        )
    return found


def _check_same(what: KeyRotation, connect: Connect) -> None:
    """Nothing begins while somebody has another configuration: a rotation may be under way there, or over."""
    stages = _stages(what, connect)
    other = [name for name in what.others if stages[name] != Stage.OLD]
    if other:
        raise BootstrapError(
            f"API servers that do not have this machine's encryption configuration: {', '.join(other)}",
            code=Exit.CONFLICT,
            why="a rotation was begun or ended there, a file was changed, or one does not answer",
            fix=f"begun there: copy {names.ENCRYPTION_CONFIG} from there to here; ended here: run it there; {AGAIN}",
        )


def rotate(host: Host, what: KeyRotation, connect: Connect, timeout: float, tell: Tell) -> int:
    """How many Secrets there are. `timeout` is for the other control planes, in seconds.

    Raises ConnectionError, and BootstrapError: exit 5, 6 (others are not as far), 7 (a Secret is not taken).
    """
    count = 0
    while what.rotation.stage < Stage.DROPPED:
        stage = what.rotation.stage
        if stage == Stage.OLD:
            _wait_here(what, connect, tell)  # it may be about to drop the one before
        else:
            what = _all_as_far(what, connect, timeout if what.others else RELOADED, tell)
        if stage == Stage.FIRST:
            count = rewrite(connect(what.servers[what.own]))
            tell(f"{count} Secrets are encrypted with {what.rotation.new}", DONE)
            what = _all_as_far(what, connect, 0, tell)  # one that came meanwhile may have written with the old one
        following = Stage(stage + 1) if what.others or stage else Stage.FIRST
        host.write(names.ENCRYPTION_CONFIG, what.rotation.texts[following], 0o600)
        connect(what.servers[what.own]).delete(f"{SYSTEM}/secrets/{CERTIFICATES}")  # or who joins gets the one before
        what = replace(what, rotation=replace(what.rotation, stage=following))
        tell(_done(what), DONE)
    _wait_here(what, connect, tell)
    return count


def _wait_here(what: KeyRotation, connect: Connect, tell: Tell) -> None:
    """For this machine's own API server. Raises BootstrapError (exit 6)."""
    _wait(replace(what, servers={what.own: what.servers[what.own]}), connect, RELOADED, tell)


def _all_as_far(what: KeyRotation, connect: Connect, timeout: float, tell: Tell) -> KeyRotation:
    """With the control planes that there are by now. Raises BootstrapError (exit 6) while one is behind."""
    found = replace(what, servers=_servers(connect(what.servers[what.own])))
    _wait(found, connect, timeout, tell)
    return found


def _done(what: KeyRotation) -> str:
    rotation = what.rotation
    return {
        Stage.ADDED: f"{rotation.new} is in {names.ENCRYPTION_CONFIG}",
        Stage.FIRST: f"{rotation.new} comes first",
    }.get(rotation.stage, f"{rotation.old} is dropped")


def _stages(what: KeyRotation, connect: Connect) -> dict[str, Stage | None]:
    """Where each API server is; None for one that has another configuration, or does not answer."""
    found: dict[str, Stage | None] = {}
    for name, endpoint in what.servers.items():
        try:
            text = connect(endpoint).get("/metrics").text if endpoint else ""
        except ConnectionError:
            text = ""
        found[name] = what.rotation.stage_of(active(text))
    return found


def _wait(what: KeyRotation, connect: Connect, timeout: float, tell: Tell) -> None:
    """Until they work with what this machine has, or with what comes after it."""
    here, told = what.rotation.stage, set[str]()

    def behind() -> tuple[str, ...]:
        late = {name: stage for name, stage in _stages(what, connect).items() if stage is None or stage < here}
        for line in (_to_do(name, stage) for name, stage in late.items() if name != what.own):
            if line not in told:
                tell(line, WAITING)
            told.add(line)
        return tuple(late)

    try:
        Paced(behind, wait_fixed(2)).repeat(retry_if_result(bool), timeout, threading.Event())
    except RetryError as e:
        late = e.last_attempt.result()
        raise BootstrapError(
            f"API servers that do not work with {what.rotation.new} as this machine does: {', '.join(late)}",
            code=Exit.WAIT,
            why="their machines have another encryption configuration, or they do not answer",
            fix="; ".join((*dict.fromkeys(sorted(told)), AGAIN)),
        ) from None


def _to_do(name: str, stage: Stage | None) -> str:
    if stage is None or stage == Stage.OLD:
        return f"on {name}: copy {names.ENCRYPTION_CONFIG} there (0600), then: {COMMAND}"
    return f"on {name}: {COMMAND}"
