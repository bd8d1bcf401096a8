"""Checks of the machine as a whole: user, CPUs, memory, name, clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.render.addresses import node_address

MINIMUM_CPUS = 2
MINIMUM_MEMORY = 1700 << 20
"""kubeadm's ControlPlaneNumCPU and ControlPlaneMem (1700 MB)."""
LEAST_MEMORY = 512 << 20
"""Below it the API server is killed again and again (450 MiB); 700 MiB were enough for a cluster without workloads."""
NAME_LENGTH = 63
QUALIFIED_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
"""apimachinery's validation.IsQualifiedName, which kubeadm applies to the node's name."""
KEEPS_AWAY = ("NoSchedule", "NoExecute")
DAY = 24 * 3600
LAST_SANE_YEAR = 2099
SYNCHRONIZE = "Start a time service: systemctl enable --now systemd-timesyncd (or chronyd)"

RECOMMENDED = ClusterConfig(node=NodeSpec("", api=ApiEndpoint("")))
"""The defaults: kubeadm's constants."""


@check("IsPrivilegedUser", "The user is root.", "Leave out `--user`.", kubeadm=True)
def user(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not facts.root_user:
        yield Found("not running as root", "leave out --user (-u) of docker run, or of docker exec")


@check(
    "Privileged",
    "The container is privileged. Without that a dry run works, and nothing else does.",
    "`docker run --privileged`.",
    error=False,
)
def privileged(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not facts.privileged:
        yield Found("the container is not privileged: init will refuse", "docker run --privileged …")


@check(
    "NumCPU",
    f"At least {MINIMUM_CPUS} CPUs; a container that may use less is warned of, since it is only slow.",
    "Add CPUs.",
    kubeadm=True,
    control_plane=True,
)
def cpus(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.cpus < MINIMUM_CPUS:
        yield Found(f"{facts.cpus} CPU; a control plane needs {MINIMUM_CPUS}", "Add CPUs")
    elif 0 < facts.limits.cpus < MINIMUM_CPUS:
        yield Found(
            f"the container may use {facts.limits.cpus:g} of the {facts.cpus} CPUs (--cpus); a control plane wants "
            f"{MINIMUM_CPUS}, and starts slowly with less",
            f"docker update --cpus {MINIMUM_CPUS} NAME, or leave out --cpus",
            error=False,
        )


@check(
    "Mem",
    f"At least 1700 MiB of memory; a container that may use less is warned of, and refused below "
    f"{LEAST_MEMORY >> 20} MiB.",
    "Add memory.",
    kubeadm=True,
    control_plane=True,
)
def memory(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.memory < MINIMUM_MEMORY:
        yield Found(f"{facts.memory >> 20} MiB of memory; a control plane needs 1700 MiB", "Add memory")
    elif 0 < facts.limits.memory < MINIMUM_MEMORY:
        yield Found(
            f"the container may use {facts.limits.memory >> 20} MiB of memory (--memory); "
            "kubeadm asks for 1700 MiB, and 1024 MiB hold a cluster without workloads",
            "docker update --memory 2g --memory-swap -1 NAME, or leave out --memory",
            error=facts.limits.memory < LEAST_MEMORY,
        )


@check(
    "Hostname",
    "The node's name is a qualified name, and it resolves.",
    "Add it to DNS or `/etc/hosts`.",
    error=False,
    kubeadm=True,
)
def hostname(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    name = cfg.node.name
    if len(name) > NAME_LENGTH or not QUALIFIED_NAME.fullmatch(name):
        yield Found(
            f'"{name}" is not a qualified name: at most {NAME_LENGTH} letters, digits, "-", "_" and "."',
            "Give another one with --node-name",
        )
    if facts.mode == "host" and not facts.configured.name_resolves:
        yield Found(
            f'the node\'s name "{name}" does not resolve',
            f"Add it to DNS, or to /etc/hosts: {node_address(cfg, facts)} {name}",
        )


@check(
    "Clock",
    "The clock is not before this program was built, nor before the CA that is there is valid.",
    "Set the clock.",
)
def clock(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.clock is None:
        return
    now, built, valid_from = facts.clock.now, facts.clock.built, facts.configured.ca_not_before
    if now < built - DAY:
        yield Found(f"the clock says {_said(now)}, and this program was built on {_said(built)}", SYNCHRONIZE)
    elif datetime.fromtimestamp(now, UTC).year > LAST_SANE_YEAR:
        yield Found(f"the clock says {_said(now)}", SYNCHRONIZE)
    if now < valid_from:
        yield Found(
            f"the clock says {_said(now)}, and the CA in {cfg.cluster.certificates_dir} is not valid before "
            f"{_said(valid_from)} ({valid_from - now:.0f} s later)",
            SYNCHRONIZE,
        )


@check("TimeSync", "The kernel's clock is kept in step by a time service.", "Start one.", error=False, host=True)
def time_sync(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.clock is not None and not facts.clock.synchronized:
        yield Found(
            "the clock is not synchronized: certificates and leases of several nodes need one time", SYNCHRONIZE
        )


@check(
    "Taints",
    "CoreDNS tolerates the taints that this node is given, as long as it is the only one.",
    "Leave them out of `nodeRegistration.taints` until there is another node, or `--wait=node`.",
    error=False,
    fresh=True,
    control_plane=True,
)
def taints(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    keys = [t.key for t in cfg.node.taints or () if t.effect in KEEPS_AWAY and t.key != names.CONTROL_PLANE_ROLE]
    if keys and not cfg.cluster.dns_disabled:
        yield Found(
            f"CoreDNS does not tolerate the taint {' and '.join(keys)}: it waits for another node, and init for it",
            "Leave it out of nodeRegistration.taints until there is one, or run init with --wait=node",
        )


def _said(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@check(
    "CertificateValidity",
    "Certificates are valid for no longer than kubeadm recommends (1 year, CAs 10), and not longer than their CA.",
    "Lower `certificateValidityPeriod` and `caCertificateValidityPeriod`.",
    error=False,
)
def certificate_validity(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    """kubeadm warns of the same three (apis/kubeadm/validation)."""
    leaf, ca = cfg.cluster.certificate_validity, cfg.cluster.ca_certificate_validity
    limits = (
        ("certificateValidityPeriod", leaf, RECOMMENDED.cluster.certificate_validity, "what is recommended"),
        ("caCertificateValidityPeriod", ca, RECOMMENDED.cluster.ca_certificate_validity, "what is recommended"),
        ("certificateValidityPeriod", leaf, ca, "that of the CA"),
    )
    for name, value, limit, whose in limits:
        if value > limit:
            yield Found(f"{name}: {value / 3600:.0f} h is more than {whose}, {limit / 3600:.0f} h", f"Lower {name}")


ALL = (user, privileged, cpus, memory, hostname, taints, clock, time_sync, certificate_validity)
