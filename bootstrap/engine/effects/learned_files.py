"""Files whose content is known only once somebody else has spoken: the kubelet, the API server."""

from __future__ import annotations

from ipaddress import ip_network

from bootstrap.engine.effects.files import make_parent
from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.model.effects import FlannelSubnet, RotatableKubeletCredential
from bootstrap.render.pki.kubeconfig import rotatable_kubelet_conf


def _rotate(effect: RotatableKubeletCredential, context: RunContext, timeout: float) -> str:
    before = context.host.read(effect.kubeconfig)
    if before is None or context.host.stat(effect.certificate) is None:
        return ""
    after = rotatable_kubelet_conf(before, effect.certificate)
    if after == before:
        return ""
    context.host.write(effect.kubeconfig, after, 0o600)
    return f"{effect.kubeconfig} written"


def _write_subnet(effect: FlannelSubnet, context: RunContext, timeout: float) -> str:
    """Only where there is none: from then on the file is flanneld's."""
    if context.host.stat(effect.path):
        return ""

    def attempt() -> str:
        subnet = context.api.get(f"/api/v1/nodes/{effect.node}").body.get("spec", {}).get("podCIDR")
        if not subnet:
            raise NotYet("its spec.podCIDR is empty, which the controller-manager sets")
        return str(subnet)

    content = subnet_file(effect, persist(attempt, context, timeout, f"node {effect.node} was given no Pod range"))
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


register(
    RotatableKubeletCredential,
    apply=_rotate,
    describe=lambda effect, host: (
        f"file {effect.kubeconfig}: point at {effect.certificate} once the kubelet has written it"
    ),
)
register(
    FlannelSubnet,
    apply=_write_subnet,
    describe=lambda effect, host: (
        f"file {effect.path}: {UNCHANGED if host.stat(effect.path) else 'new, once the node has a Pod range'}"
    ),
)
