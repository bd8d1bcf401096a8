"""A cluster that is here already: its stored configuration, and what another one may change of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bootstrap.config import Documents, Overrides, difference, load, read_stored, to_stored
from bootstrap.model import names
from bootstrap.model.addon import parse_source
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit

FIXED = (
    "ClusterConfiguration.networking",
    "ClusterConfiguration.certificatesDir",
    "ClusterConfiguration.etcd.local.dataDir",
    "ClusterConfiguration.etcd.external.endpoints",
    "ClusterConfiguration.clusterName",
    "InitConfiguration.nodeRegistration.name",
    "InitConfiguration.nodeRegistration.criSocket",
)


def kept(before: bytes, overrides: Overrides) -> Documents:
    """The stored configuration as a run without --config goes on with it."""
    stored = load(to_stored(read_stored(before)).encode())
    return without_addons(_without_address(stored), overrides.get("addon", ()))


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


def check_difference(before: bytes, cfg: ClusterConfig, *, reconfigure: bool) -> None:
    """The address alone may differ: a container gets another one when it is started again."""
    old = read_stored(before)
    if old.node.api and cfg.node.api:
        here = dataclasses.replace(old.node.api, advertise_address=cfg.node.api.advertise_address)
        old = dataclasses.replace(old, node=dataclasses.replace(old.node, api=here))
    if reconfigure:
        _check_fixed(old, cfg)
    elif lines := difference(old, cfg):
        raise BootstrapError(
            "this node has a cluster with another configuration",
            code=Exit.CONFLICT,
            why=f"init was run before with what {names.STATE_CONFIG} says",
            fix="run init without --config and flags to go on with the old one, or change it: --reconfigure",
            details=tuple(lines),
        )


def _check_fixed(old: ClusterConfig, new: ClusterConfig) -> None:
    """Networks, certificates and data that running Pods and stored objects hold on to cannot be changed in place."""
    if fixed := [line for line in difference(old, new) if line.startswith(FIXED)]:
        raise BootstrapError(
            "this cannot be changed in a cluster that exists",
            code=Exit.CONFLICT,
            details=tuple(fixed),
            fix="bootstrap reset, then init with the new configuration",
        )
