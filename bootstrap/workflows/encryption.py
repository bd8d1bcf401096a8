"""The key that Secrets are encrypted with: the one that is here, that of the cluster, or a first one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from bootstrap.host.facts.static_pods import static_pod
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_facts import ClusterFacts
from bootstrap.model.effects import Directory, File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.phases.select import UPLOAD
from bootstrap.render.controlplane.args import flags_of
from bootstrap.render.controlplane.encryption import FLAG, KEY_BYTES, configuration, encryption_files
from bootstrap.render.controlplane.static_pods import manifests_dir

_UNKNOWN = "no API server answers that says which other control planes there are"


def encryption(host: HostReader, cfg: ClusterConfig, given: Mapping[str, bytes]) -> tuple[Directory | File, ...]:
    """`given` is what a cluster that is joined shares, by path; empty where Secrets are not encrypted.

    Raises BootstrapError (exit 3) when the key is gone that Secrets are encrypted with already: another one would not
    read them.
    """
    if cfg.own.encryption is None:
        return ()
    found = host.read(names.ENCRYPTION_CONFIG) or given.get(names.ENCRYPTION_CONFIG)
    if found is None and cfg.node.server:
        raise _gone("the other control planes encrypt Secrets with it", f"{UPLOAD}, then join with the key it shows")
    if found is None and encrypts_here(host, cfg):
        raise _gone("Secrets were encrypted with it", "bring it back from a copy")
    return encryption_files(found or configuration(cfg.own.encryption, secrets.token_bytes(KEY_BYTES)))


def check_alone(host: HostReader, cfg: ClusterConfig, facts: ClusterFacts | None) -> None:
    """Raises BootstrapError (exit 8) where it would be turned on while others, without the key, read what is written.

    `facts` is None where no API server answers.
    """
    if cfg.own.encryption is None or encrypts_here(host, cfg):
        return
    planes = [other.name for other in facts.others(cfg.node.name) if other.control_plane] if facts else []
    if facts and not planes:
        return
    raise BootstrapError(
        "encryption of Secrets cannot be turned on now",
        code=Exit.CONFLICT,
        why=f"{', '.join(planes)} would not read what this control plane writes" if planes else _UNKNOWN,
        fix="turn it on while the cluster has one control plane, and join the others afterwards"
        if planes
        else "bootstrap diagnose; then run the same command again",
    )


def contents_of(files: tuple[Directory | File, ...]) -> dict[str, bytes]:
    """Path → content."""
    return {file.path: file.content for file in files if isinstance(file, File)}


def encrypts_here(host: HostReader, cfg: ClusterConfig) -> bool:
    """Whether an API server was started with our configuration."""
    pod = static_pod(host, "kube-apiserver", manifests_dir(cfg))
    return pod is not None and flags_of(pod).get(FLAG) == names.ENCRYPTION_CONFIG


def _gone(why: str, otherwise: str) -> BootstrapError:
    return BootstrapError(
        f"{names.ENCRYPTION_CONFIG} is not on this machine",
        code=Exit.CONFIG,
        why=why,
        fix=f"copy it here from another control plane (mode 0600), or: {otherwise}",
    )
