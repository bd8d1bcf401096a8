"""Flags, file and facts become one complete configuration, or one error with everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bootstrap.config import other_kinds, overrides, rules, unused
from bootstrap.config.complete import build
from bootstrap.config.loader import Documents
from bootstrap.config.overrides import Overrides
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import Problem, config_error
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.runtime import NODE_RUNTIME

ANY_HOST = HostFacts(
    mode="host",
    hostname="node",
    addresses=(Address("eth0", "192.0.2.1", True), Address("eth0", "2001:db8::1", True)),
    free_cri_socket=NODE_RUNTIME.socket,
)
"""Stands in for the host when a file is checked elsewhere than on the node it is for; its runtime is where kubeadm
expects one."""


def anywhere(facts: HostFacts) -> HostFacts:
    """For what uses no address of this machine: listing and loading images works without a network."""
    return replace(facts, addresses=(*facts.addresses, *ANY_HOST.addresses))


def resolve(documents: Documents, flags: Overrides, facts: HostFacts) -> ClusterConfig:
    """The configuration of `init`: flags win over the file, defaults fill the rest, every rule holds."""
    merged, origins = overrides.apply(documents, flags)
    problems = list(merged.problems)
    config = build(merged, facts, problems)
    problems += rules.check(config)
    if problems:
        written = bool(documents.upstream or documents.own or documents.problems)
        raise config_error(tuple(_from_flag(p, origins) for p in dict.fromkeys(problems)), written=written)
    return config


def unused_settings(
    documents: Documents, flags: Overrides, config: ClusterConfig, *, uploads: bool, tokens_made: bool
) -> tuple[Problem, ...]:
    """What was given and has no effect in this run of `init`, by its path or its flag."""
    merged, origins = overrides.apply(documents, flags)
    found = unused.unused(merged, config, uploads=uploads, tokens_made=tokens_made)
    return tuple(_from_flag(problem, origins) for problem in found)


def gives_address(documents: Documents, flags: Overrides) -> bool:
    """Whether the user named the address that the API server advertises, rather than having one chosen."""
    written = documents.get("InitConfiguration").get("localAPIEndpoint", {}).get("advertiseAddress", "")
    return (flags.get("apiserver_advertise_address") or written) not in names.ANY_ADDRESS


def validate(documents: Documents) -> tuple[Problem, ...]:
    """Checks every document of a file, on any host; kinds that `init` does not use as well. Returns what is ignored."""
    problems = list(documents.problems)
    if not documents.upstream or {"InitConfiguration", "ClusterConfiguration"} & set(documents.upstream):
        problems += rules.check(build(documents, ANY_HOST, problems))
    problems += rules.check_gate_fields(documents.get("KubeletConfiguration"), documents.get("KubeProxyConfiguration"))
    problems += other_kinds.check(documents, ANY_HOST)
    if problems:
        raise config_error(tuple(dict.fromkeys(problems)))
    return documents.warnings


def _from_flag(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """A problem of a value that a flag gave names the flag."""
    for path, flag in origins.items():
        if problem.path == path or problem.path.startswith((f"{path}.", f"{path}[")):
            return Problem(flag, problem.message)
    return problem
