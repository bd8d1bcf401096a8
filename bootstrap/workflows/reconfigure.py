"""A cluster that is here already: its stored configuration, and what another one may change of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bootstrap.config import Documents, Overrides, difference, load, read_stored, to_stored
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.addon import NO_CNI, NO_STORAGE, is_foreign_cni, parse_source
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_facts import ClusterFacts
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import runtime_at
from bootstrap.render.addons.foreign import kept_path
from bootstrap.render.pki.issue import is_external_ca, pki_paths

RESET = "bootstrap reset, then init with the new configuration"
UPGRADE = "bootstrap upgrade apply"
FIXED = {
    "ClusterConfiguration.networking": RESET,
    "ClusterConfiguration.certificatesDir": RESET,
    "ClusterConfiguration.caCertificateValidityPeriod": "leave it as it is: a CA is never replaced; or " + RESET,
    "ClusterConfiguration.etcd.local.dataDir": RESET,
    "ClusterConfiguration.etcd.external.endpoints": RESET,
    "ClusterConfiguration.clusterName": RESET,
    "InitConfiguration.nodeRegistration.name": RESET,
    "InitConfiguration.nodeRegistration.criSocket": RESET,
}
"""Setting → the way to another value. What running Pods and stored objects hold on to is not changed in place."""


def check_version(before: bytes) -> None:
    """Raises BootstrapError (exit 8) where this program has another version than the cluster that is here."""
    here = read_stored(before).cluster.kubernetes_version
    if here not in (names.BUILT_VERSION, names.KUBERNETES_VERSION):
        raise BootstrapError(
            f"this machine has Kubernetes {here}, and this image brings {names.BUILT_VERSION}",
            code=Exit.CONFLICT,
            fix=f"{UPGRADE}; or run the image of {here.partition('+')[0]} to go on with that",
        )


def check_began_here(before: bytes) -> None:
    """Raises BootstrapError (exit 8) where a machine has joined: what its cluster says is not judged as a user's."""
    old = read_stored(before)
    if old.node.server:
        raise BootstrapError(
            f"this machine is a node of the cluster at {old.node.server}",
            code=Exit.CONFLICT,
            why=f"join was run here: {names.STATE_CONFIG}",
            fix="bootstrap join goes on with it; for a cluster of its own: bootstrap reset, then init",
        )


def kept(before: bytes, overrides: Overrides) -> Documents:
    """The stored configuration as a run without --config goes on with it."""
    stored = load(to_stored(read_stored(before)).encode())
    return without_addons(_without_address(stored), overrides.get("addon", ()))


def with_verification(host: HostReader, cfg: ClusterConfig, before: bytes | None) -> ClusterConfig:
    """What nobody says stays as it is: kubelets of a cluster that did not sign their certificates would be cut off, as
    those of one that cannot."""
    if cfg.own.verify_kubelets is not None:
        return cfg
    if before is not None:
        verify = read_stored(before).own.verify_kubelets
    else:
        verify = not is_external_ca(cfg, [path for path in pki_paths(cfg) if host.stat(path)])
    return dataclasses.replace(cfg, own=dataclasses.replace(cfg.own, verify_kubelets=verify))


def _without_address(documents: Documents) -> Documents:
    """The stored configuration, open to another address of this node."""
    init = {k: v for k, v in documents.get("InitConfiguration").items() if k != "localAPIEndpoint"}
    port = documents.get("InitConfiguration").get("localAPIEndpoint", {}).get("bindPort")
    if port:
        init["localAPIEndpoint"] = {"bindPort": port}
    return dataclasses.replace(documents, upstream={**documents.upstream, "InitConfiguration": init})


def without_addons(documents: Documents, given: Sequence[str]) -> Documents:
    """The stored configuration without the add-ons that flags give anew under the same name."""
    own = documents.own
    if own is None:
        return documents
    names_given = {_addon_name(text) for text in given}
    kept = tuple(text for text in own.addons if text in given or _addon_name(text) not in names_given)
    return dataclasses.replace(documents, own=dataclasses.replace(own, addons=kept))


def _addon_name(text: str) -> str:
    """What cannot be read stands for itself: the rules say what is wrong with it."""
    try:
        return parse_source(text).name
    except ValueError:
        return text


def elsewhere(facts: ClusterFacts | None, node: str, endpoint: str) -> tuple[str, ...]:
    """What a change made on this machine does not reach, in words; nothing where the cluster is this machine alone."""
    others = facts.others(node) if facts else ()
    if not others:
        return ()
    planes = [other.name for other in others if other.control_plane]
    said = f"the files of other machines stay as they are: {', '.join(other.name for other in others)}"
    if planes:
        said = f"{said}; change the control planes among them as well: {', '.join(planes)}"
    if facts and facts.configuration.get("controlPlaneEndpoint", "") != endpoint:
        said = f"{said}; workers take {endpoint} when bootstrap join is run there again"
    return (said,)


def check_difference(host: HostReader, mode: str, before: bytes, cfg: ClusterConfig, *, reconfigure: bool) -> None:
    """The address alone may differ: a container gets another one when it is started again."""
    old = read_stored(before)
    if old.node.api and cfg.node.api:
        here = dataclasses.replace(old.node.api, advertise_address=cfg.node.api.advertise_address)
        old = dataclasses.replace(old, node=dataclasses.replace(old.node, api=here))
    lines = difference(old, cfg)
    if lines and not reconfigure:
        raise BootstrapError(
            "this node has a cluster with another configuration",
            code=Exit.CONFLICT,
            why=f"init was run before with what {names.STATE_CONFIG} says",
            fix="run init without --config and flags to go on with the old one, or change it: --reconfigure",
            details=tuple(lines),
        )
    fixed = {line: way for line in lines if (way := _way(host, mode, line, old, cfg))}
    if fixed:
        raise BootstrapError(
            "this cannot be changed in a cluster that exists",
            code=Exit.CONFLICT,
            details=tuple(fixed),
            fix="; ".join(dict.fromkeys(fixed.values())),
        )


def _way(host: HostReader, mode: str, line: str, old: ClusterConfig, new: ClusterConfig) -> str:
    """What to do instead of a change that is not made in place; empty for one that is."""
    if line.startswith("BootstrapConfiguration.cni:"):
        return _network_way(host, runtime_at(old.node.cri_socket, mode).cni_conf, old.own.cni, new.own.cni)
    if line.startswith("BootstrapConfiguration.storage:") and new.own.storage == NO_STORAGE:
        mark = f"kubectl annotate storageclass {names.STORAGE_CLASS} storageclass.kubernetes.io/is-default-class-"
        return f"its volumes may be in use; to have another default class: {mark}"
    if line.startswith("BootstrapConfiguration.loadBalancerAddresses:") and not new.own.load_balancer_addresses:
        return f"Services may have its addresses; to take it away: kubectl delete namespace {names.METALLB_NAMESPACE}"
    if line.startswith("BootstrapConfiguration.encryption."):
        return f"Secrets are stored encrypted, and would not be read: {RESET}" if old.own.encryption else ""
    if line.startswith("BootstrapConfiguration.addons:"):
        kept_names = {_addon_name(text) for text in new.own.addons}
        gone = [name for name in map(_addon_name, old.own.addons) if name not in kept_names]
        return "; ".join(f"bootstrap addon remove {name}" for name in gone if host.stat(kept_path(name)))
    return next((way for setting, way in FIXED.items() if line.startswith(setting)), "")


def _network_way(host: HostReader, configured: str, old: str, new: str) -> str:
    """A node has one Pod network: another version of it may come, or the first one."""
    if is_foreign_cni(old) and is_foreign_cni(new) and _addon_name(old) == _addon_name(new):
        return ""
    others = [name for name in host.listdir(configured) if name.endswith((".conf", ".conflist"))]
    return f"Pods have addresses of the network that is here: {RESET}" if old != NO_CNI or others else ""
