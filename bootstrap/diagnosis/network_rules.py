"""Addresses, name servers, proxies; and Pods that the cluster does not let run."""

from __future__ import annotations

from bootstrap.diagnosis import state
from bootstrap.diagnosis.rule import Rule, said
from bootstrap.model import names

_RENEWED = (
    "name servers that a Pod reaches in /etc/resolv.conf (or in the file that resolvConf of the kubelet names); "
    "bootstrap init phase kubelet-start; kubectl -n kube-system rollout restart deployment coredns"
)
"""A Pod keeps the file that it was started with."""

NETWORK_RULES: tuple[Rule, ...] = (
    Rule(
        "address-not-here",
        said(r"listen (?:tcp|udp)\d? (?P<address>\S+?): bind: cannot assign requested address"),
        "{source} cannot listen at {address}: no interface has that address",
        "localAPIEndpoint.advertiseAddress, or a flag in extraArgs, names an address of another machine or of nobody",
        "bootstrap init --apiserver-advertise-address ADDRESS with one that this machine has (ip -br address)",
        definite=True,
    ),
    Rule(
        "address-twice",
        state.address_twice,
        "{address} is an address of {source} and of a Pod: packets reach only one of them",
        "the Pod range holds a network that this machine is in",
        "bootstrap reset, then init with another range (--pod-network-cidr): bootstrap preflight proposes one",
    ),
    Rule(
        "virtual-router-taken",
        said(r"associated with VRID (?P<id>\d+) not present in advert from (?P<other>\S+?): ", names.KEEPALIVED),
        "{other} holds another address by the virtual router id {id}, which is that of this control plane's address",
        "a second cluster, or a router, of the same network uses the id; each takes the other's word for its own",
        "set another one on all control planes: BootstrapConfiguration.controlPlaneVIP.virtualRouterID (1 to 255), "
        "bootstrap init --config FILE --reconfigure",
    ),
    Rule(
        "virtual-router-stranger",
        said(
            r"(?:an invalid passwd|received a \d+ auth|wrong VRRP version) from (?P<other>\S+?)[.,!]?(?:\s|$)",
            names.KEEPALIVED,
        ),
        "{other} and this control plane do not believe each other who holds the API's address: their passwords differ",
        "passwordFile holds something else there, or only one of them has one",
        "put the same file on all control planes, then run on the first: bootstrap init, on the others: bootstrap join",
    ),
    Rule(
        "coredns-loop",
        said(r"Loop \((?P<sender>\S+) -> (?P<receiver>\S*)\) detected for zone", "coredns"),
        "CoreDNS asks itself, and ends: Loop ({sender} -> {receiver}) detected",
        "a name server that it was given leads back to it: a loopback address, or the cluster's own DNS",
        _RENEWED,
        definite=True,
    ),
    Rule(
        "coredns-no-upstream",
        said(r"no valid upstream addresses found|plugin/forward: .*no nameservers found", "coredns"),
        "CoreDNS has nobody to ask, and ends: no valid upstream addresses found",
        "the resolv.conf that it was given names no server",
        _RENEWED,
        definite=True,
    ),
    Rule(
        "proxy-in-the-way",
        said(r"proxyconnect tcp: (?P<reason>[^\"\\]+)"),
        "{source} goes through a proxy that does not answer: {reason}",
        "HTTPS_PROXY is set in its environment, and NO_PROXY does not hold that address",
        "bootstrap preflight shows a complete NO_PROXY: give that (docker run -e NO_PROXY=…, or export it and run "
        "bootstrap init), or a proxy that answers",
    ),
    Rule(
        "webhook-absent",
        said(
            r"failed calling webhook \\*\"(?P<webhook>[^\"\\]+)\\*\":.*"
            r"(?:no endpoints available for service \\*\"|service \\*\")(?P<service>[^\"\\]+)\\*\""
        ),
        "the webhook {webhook} does not answer, and the API server refuses what it should judge: "
        "its Service {service} has no Pod that is ready",
        "its Deployment is still starting, has failed, or was removed without its configuration",
        "kubectl get pods -A, and mend its Pods; or, if it is gone for good: "
        "kubectl delete validatingwebhookconfiguration,mutatingwebhookconfiguration NAME",
    ),
)

SCHEDULING_RULES: tuple[Rule, ...] = (
    Rule(
        "taint-untolerated",
        state.untolerated,
        "the Pod {source} finds no node: it does not tolerate the taint {taint}",
        "a control plane has a taint against workloads unless they are allowed there; a node that is not ready has one",
        "kubectl taint nodes --all {taint}- if workloads may run here; or give the Pod a toleration; or add a node",
    ),
    Rule(
        "unschedulable",
        state.unschedulable,
        "the Pod {source} finds no node (FailedScheduling)",
        "no node has what it asks for: CPU, memory, a label, a volume",
        "kubectl -n {namespace} describe pod {name}; lower its requests, correct its nodeSelector, or add a node",
    ),
)
"""After all others: any Pod of the cluster may wait for a node, and that hinders no other."""
