"""What a complete configuration has to satisfy: kubeadm's rules, and some that would fail later and less clearly."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bootstrap.config import components, encryption, load_balancer, networks, validators, virtual_address
from bootstrap.model import names
from bootstrap.model.addon import STORAGES, is_foreign_cni, parse_source
from bootstrap.model.cluster import (
    Arg,
    BootstrapConfig,
    BootstrapToken,
    ClusterConfig,
    ClusterSpec,
    Component,
    Document,
    ExternalEtcd,
    NodeSpec,
)
from bootstrap.model.components.tables import KUBEADM, KUBERNETES
from bootstrap.model.errors import Problem

_CLUSTER = "ClusterConfiguration"
_INIT = "InitConfiguration"
_OWN = "BootstrapConfiguration"


def check(config: ClusterConfig) -> Iterable[Problem]:
    """Everything that is wrong, each with its path."""
    yield from check_node(config.node, f"{_INIT}.nodeRegistration")
    yield from check_ignored(config.run.ignore_preflight_errors, f"{_INIT}.nodeRegistration")
    for i, token in enumerate(config.run.tokens):
        yield from check_token(token, f"{_INIT}.bootstrapTokens[{i}]")
    if config.run.certificate_key:
        yield from found(f"{_INIT}.certificateKey", validators.certificate_key(config.run.certificate_key))
    if config.node.patches_directory:
        yield from found(f"{_INIT}.patches.directory", validators.absolute(config.node.patches_directory))
    yield from networks.check_address(config)
    if (api := config.node.api) and not 1 <= api.bind_port <= names.HIGHEST_PORT:
        yield Problem(
            f"{_INIT}.localAPIEndpoint.bindPort", f"{api.bind_port} is not a port (1 to {names.HIGHEST_PORT})"
        )
    if api:
        yield from _server_port(api.bind_port, config.cluster.api_server.extra_args)
    yield from _cluster(config.cluster)
    yield from check_gate_fields(config.cluster.kubelet, config.cluster.kube_proxy)
    yield from networks.check(config)
    yield from virtual_address.check(config)
    yield from load_balancer.check(config)
    yield from encryption.check(config)
    yield from _etcd(config)
    for san in config.own.extra_sans:
        yield from found("BootstrapConfiguration.extraSANs", validators.subject_name(san))
    yield from _addons(config.own)


def _addons(own: BootstrapConfig) -> Iterable[Problem]:
    """Each is readable, and has a name of its own."""
    if own.storage not in STORAGES:
        yield Problem(f"{_OWN}.storage", f'must be {" or ".join(STORAGES)}, not "{own.storage[:40]}"')
    foreign = [(f"{_OWN}.cni", own.cni)] if is_foreign_cni(own.cni) else []
    listed = [(f"{_OWN}.addons[{i}]", text) for i, text in enumerate(own.addons)]
    seen: set[str] = set()
    for path, text in (*foreign, *listed):
        try:
            name = parse_source(text).name
        except ValueError as e:
            yield Problem(path, str(e))
            continue
        if name in seen:
            yield Problem(path, f"another add-on is called {name} too; give this one a name: NAME=PLACE")
        seen.add(name)


def _server_port(bind_port: int, extra: tuple[Arg, ...]) -> Iterable[Problem]:
    """Every kubeconfig, probe and certificate goes by bindPort: a flag alone leaves an API server that nobody finds."""
    for i, arg in enumerate(extra):
        if arg.name == "secure-port" and arg.value != str(bind_port):
            path = f"{_CLUSTER}.apiServer.extraArgs[{i}]"
            yield Problem(path, f"clients look at port {bind_port}; set {_INIT}.localAPIEndpoint.bindPort: {arg.value}")


def found(path: str, *messages: str) -> Iterable[Problem]:
    """The messages that are not empty, at one path."""
    return (Problem(path, m) for m in messages if m)


def each(path: str, items: Iterable[str], rule: Callable[[str], str]) -> Iterable[Problem]:
    """What a rule finds wrong with each item of a list."""
    for i, item in enumerate(items):
        yield from found(f"{path}[{i}]", rule(item))


def check_node(node: NodeSpec, path: str) -> Iterable[Problem]:
    """nodeRegistration of init and join."""
    yield from found(f"{path}.name", validators.node_name(node.name))
    yield from found(f"{path}.criSocket", validators.socket(node.cri_socket))
    yield from _args("kubelet", node.kubelet_extra_args, f"{path}.kubeletExtraArgs")
    for i, taint in enumerate(node.taints or ()):
        yield from found(f"{path}.taints[{i}].key", validators.label_key(taint.key))
        yield from found(f"{path}.taints[{i}].value", validators.label_value(taint.value))
        if not taint.effect:
            yield Problem(f"{path}.taints[{i}].effect", "missing: NoSchedule, PreferNoSchedule or NoExecute")


def check_ignored(ignored_checks: Iterable[str], path: str) -> Iterable[Problem]:
    """ignorePreflightErrors of a nodeRegistration."""
    ignored = [item.lower() for item in ignored_checks]
    if "all" in ignored and len(set(ignored)) > 1:
        yield Problem(f"{path}.ignorePreflightErrors[{ignored.index('all')}]", "all leaves nothing to name beside it")


def check_token(token: BootstrapToken, path: str) -> Iterable[Problem]:
    """A bootstrap token of init, or one that is asked for later."""
    if token.token:
        yield from found(f"{path}.token", validators.token(token.token))
    if unknown := set(token.usages) - {"signing", "authentication"}:
        yield Problem(f"{path}.usages", f"{', '.join(sorted(unknown))}: only signing and authentication are known")
    if "authentication" not in token.usages:
        yield Problem(f"{path}.groups", "groups are for tokens whose usages include authentication")
    yield from each(f"{path}.groups", token.groups, validators.token_group)


def _cluster(spec: ClusterSpec) -> Iterable[Problem]:
    yield from found(f"{_CLUSTER}.networking.dnsDomain", validators.dns_name(spec.networking.dns_domain))
    yield from found(f"{_CLUSTER}.certificatesDir", validators.own_directory(spec.certificates_dir))
    yield from found(f"{_CLUSTER}.imageRepository", validators.image_repository(spec.image_repository))
    if spec.dns_image_repository:
        yield from found(f"{_CLUSTER}.dns.imageRepository", validators.image_repository(spec.dns_image_repository))
    if spec.control_plane_endpoint:
        yield from found(f"{_CLUSTER}.controlPlaneEndpoint", validators.endpoint(spec.control_plane_endpoint))
    yield from components.check_gates(KUBEADM, spec.feature_gates, f"{_CLUSTER}.featureGates")
    if spec.feature_gates.get("RootlessControlPlane"):
        yield Problem(f"{_CLUSTER}.featureGates.RootlessControlPlane", "a rootless control plane is not supported")
    for name, period in (
        ("certificateValidityPeriod", spec.certificate_validity),
        ("caCertificateValidityPeriod", spec.ca_certificate_validity),
    ):
        if period <= 0:
            yield Problem(f"{_CLUSTER}.{name}", "must be longer than nothing")
    yield from each(f"{_CLUSTER}.apiServer.certSANs", spec.api_server_cert_sans, validators.subject_name)
    yield from _component("kube-apiserver", spec.api_server, f"{_CLUSTER}.apiServer")
    yield from _component("kube-controller-manager", spec.controller_manager, f"{_CLUSTER}.controllerManager")
    yield from _component("kube-scheduler", spec.scheduler, f"{_CLUSTER}.scheduler")


def _component(program: str, component: Component, path: str) -> Iterable[Problem]:
    yield from _args(program, component.extra_args, f"{path}.extraArgs")
    for i, env in enumerate(component.extra_envs):
        if not env.get("name"):
            yield Problem(f"{path}.extraEnvs[{i}].name", "missing")
    for i, volume in enumerate(component.extra_volumes):
        at = f"{path}.extraVolumes[{i}]"
        yield from found(f"{at}.name", validators.dns_label(volume.name))
        yield from found(f"{at}.hostPath", validators.absolute(volume.host_path))
        yield from found(f"{at}.mountPath", validators.absolute(volume.mount_path))


def check_gate_fields(kubelet: Document, kube_proxy: Document) -> Iterable[Problem]:
    """Feature gates in the configuration of the kubelet and of kube-proxy."""
    for kind, document in (("KubeletConfiguration", kubelet), ("KubeProxyConfiguration", kube_proxy)):
        yield from components.check_gates(KUBERNETES, document.get("featureGates", {}), f"{kind}.featureGates")


def _args(program: str, args: tuple[Arg, ...], path: str) -> Iterable[Problem]:
    for i, arg in enumerate(args):
        if not arg.name:
            yield Problem(f"{path}[{i}].name", "missing")
        elif arg.name.startswith("-"):
            yield Problem(f"{path}[{i}].name", f'write "{arg.name.lstrip("-")}", without dashes')
    yield from components.check_args(program, args, path)


def _etcd(config: ClusterConfig) -> Iterable[Problem]:
    etcd, snapshots = config.cluster.etcd, config.own.etcd_snapshots
    path = f"{_CLUSTER}.etcd.local"
    if snapshots < 0:
        yield Problem("BootstrapConfiguration.etcdSnapshots", f"{snapshots} is less than none")
    if isinstance(etcd, ExternalEtcd):
        if snapshots:
            yield Problem("BootstrapConfiguration.etcdSnapshots", "an external etcd is saved where it is: leave it out")
        yield from _external(etcd, f"{_CLUSTER}.etcd.external")
        return
    yield from found(f"{path}.dataDir", validators.own_directory(etcd.data_dir))
    yield from each(f"{path}.serverCertSANs", etcd.server_cert_sans, validators.subject_name)
    yield from each(f"{path}.peerCertSANs", etcd.peer_cert_sans, validators.subject_name)
    if etcd.image_repository:
        yield from found(f"{path}.imageRepository", validators.image_repository(etcd.image_repository))
    yield from _args("etcd", etcd.extra_args, f"{path}.extraArgs")


def _external(etcd: ExternalEtcd, path: str) -> Iterable[Problem]:
    secured = bool(etcd.ca_file or etcd.cert_file or etcd.key_file)
    if not etcd.endpoints:
        yield Problem(f"{path}.endpoints", "at least one is needed")
    if bool(etcd.cert_file) != bool(etcd.key_file):
        yield Problem(path, "certFile and keyFile go together")
    if etcd.cert_file and etcd.key_file and not etcd.ca_file:
        yield Problem(f"{path}.caFile", "needed with certFile and keyFile")
    yield from each(f"{path}.endpoints", etcd.endpoints, lambda u: validators.url(u, https=secured))
    if etcd.http_endpoints != etcd.endpoints:
        yield from each(f"{path}.httpEndpoints", etcd.http_endpoints, lambda u: validators.url(u, https=False))
    for name, file in (("caFile", etcd.ca_file), ("certFile", etcd.cert_file), ("keyFile", etcd.key_file)):
        if file:
            yield from found(f"{path}.{name}", validators.absolute(file))
