"""API objects, and what is known only once the API server answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from tenacity import retry_if_exception_type, wait_fixed

from bootstrap.engine.effects.dispatch import apply_effect
from bootstrap.engine.effects.host import make_parent
from bootstrap.engine.kinds import located
from bootstrap.engine.polling import Paced
from bootstrap.engine.run_context import RunContext, RunOver
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import ApiResponse
from bootstrap.model.effects import (
    Apply,
    Create,
    FlannelSubnet,
    RotatableKubeletCredential,
    object_name,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import rotatable_kubelet_conf

API_RETRY_SECONDS = 0.2


class _NotYet(Exception):
    """The API answered something that passes by itself: starting, throttled, namespace not there yet."""


@apply_effect.register
def _(effect: Apply, context: RunContext, timeout: float) -> str:
    def attempt() -> str:
        found = located(effect, lambda path: context.api.get(path).found)
        if found is None:
            raise _NotYet(f"{object_name(effect.body)}: the API server does not serve this kind")
        path, body = found
        if effect.owner:
            body = _owned(body, effect.owner, context)
        before = context.api.get(path)
        after = _checked(context.api.apply(body, path), body)
        return "" if _same(before.body, after.body) else f"{object_name(body)} applied"

    return _persist(attempt, context, timeout, _not_taken(effect.body))


def _owned(body: Mapping[str, Any], owner: Mapping[str, Any], context: RunContext) -> Mapping[str, Any]:
    """`body` with a reference to its controller `owner`, which is there from now on."""
    answer = context.api.create(owner)
    if answer.status == 409:
        answer = context.api.get(object_path(owner))
    found = _checked(answer, owner).body
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    reference |= {key: found["metadata"][key] for key in ("name", "uid")}
    return {**body, "metadata": {**body["metadata"], "ownerReferences": [reference]}}


@apply_effect.register
def _(effect: Create, context: RunContext, timeout: float) -> str:
    def attempt() -> str:
        answer = context.api.create(effect.body)
        if answer.status == 409:
            return ""
        _checked(answer, effect.body)
        return f"{object_name(effect.body)} created"

    return _persist(attempt, context, timeout, _not_taken(effect.body))


@apply_effect.register
def _(effect: RotatableKubeletCredential, context: RunContext, timeout: float) -> str:
    before = context.host.read(effect.kubeconfig)
    if before is None or context.host.stat(effect.certificate) is None:
        return ""
    after = rotatable_kubelet_conf(before, effect.certificate)
    if after == before:
        return ""
    context.host.write(effect.kubeconfig, after, 0o600)
    return f"{effect.kubeconfig} written"


@apply_effect.register
def _(effect: FlannelSubnet, context: RunContext, timeout: float) -> str:
    """Only where there is none: from then on the file is flanneld's."""
    if context.host.stat(effect.path):
        return ""

    def attempt() -> str:
        subnet = context.api.get(f"/api/v1/nodes/{effect.node}").body.get("spec", {}).get("podCIDR")
        if not subnet:
            raise _NotYet("its spec.podCIDR is empty, which the controller-manager sets")
        return str(subnet)

    content = subnet_file(effect, _persist(attempt, context, timeout, f"node {effect.node} was given no Pod range"))
    make_parent(context.host, effect.path)
    context.host.write(effect.path, content, 0o644)
    return f"{effect.path} written"


def subnet_file(effect: FlannelSubnet, subnet: str) -> bytes:
    """The file's content (flannel v0.28: pkg/subnet/subnet.go); the first address of `subnet` is the bridge's."""
    range_ = ip_network(subnet)
    lines = (
        f"FLANNEL_NETWORK={effect.network}",
        f"FLANNEL_SUBNET={range_[1]}/{range_.prefixlen}",
        f"FLANNEL_MTU={effect.mtu}",
        "FLANNEL_IPMASQ=true",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an object says the same: who owns its fields and what its controller reports do not count.

    A second apply gives up the fields that the API server itself filled in at the first (the label of a Namespace).
    """
    return _said(before) == _said(after)


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in ("resourceVersion", "managedFields")}
    return {**body, "metadata": metadata, "status": None}


def _checked(answer: ApiResponse, body: Mapping[str, Any]) -> ApiResponse:
    if answer.status in (200, 201):
        return answer
    message = str(answer.body.get("message") or answer.text[:300])
    if answer.status in (403, 404, 409, 429) or answer.status >= 500:
        raise _NotYet(f"{object_name(body)}: {message}")
    raise BootstrapError(f"the API server refused {object_name(body)}", code=Exit.API, details=(message,))


def _not_taken(body: Mapping[str, Any]) -> str:
    return f"the API server did not take {object_name(body)}"


def _persist(attempt: Callable[[], str], context: RunContext, timeout: float, failed: str) -> str:
    """What `attempt` returns once it raises neither _NotYet nor ConnectionError.

    Raises BootstrapError (exit 6) that begins with `failed`, or RunOver when the run ends meanwhile.
    """
    paced = Paced(attempt, wait_fixed(API_RETRY_SECONDS))
    passing = retry_if_exception_type((_NotYet, ConnectionError))
    try:
        return paced.repeat(passing, timeout, context.over, reraise=True)
    except (_NotYet, ConnectionError) as e:
        if context.over.is_set():
            raise RunOver from None
        raise BootstrapError(f"{failed} within {timeout:.0f} s", code=Exit.WAIT, why=f"last seen: {e}") from e
