"""Which kubeconfigs somebody uses, as kubectl has it: those that KUBECONFIG names, else the one at home."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bootstrap.host.fs.given import absolute
from bootstrap.model.names import ADMIN_CONF

VARIABLE = "KUBECONFIG"


def kubeconfigs(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """In the order in which they are read, each once. What our image sets for use inside of a node is not meant."""
    named = environment.get(VARIABLE, "")
    found = [] if named == ADMIN_CONF else [absolute(path) for path in named.split(os.pathsep) if path]
    home = environment.get("HOME", "/root")
    return tuple(dict.fromkeys(found)) or (f"{home}/.kube/config",)
