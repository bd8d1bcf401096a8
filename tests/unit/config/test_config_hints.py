"""Files as other tools and earlier versions write them: read, or told what to write instead and where."""

from __future__ import annotations

import pytest

from bootstrap.config import load, validate
from bootstrap.config import validators as forms
from bootstrap.config.schema.fields import KINDS, fields_of
from bootstrap.config.schema.hints import _MOVED, _MOVED_BELOW, field_paths
from bootstrap.model.errors import BootstrapError

NOW, OLD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ", "apiVersion: kubeadm.k8s.io/v1beta2\nkind: "
KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: "
TOKEN = "token: abcdef.0123456789abcdef, apiServerEndpoint: 'a:1', unsafeSkipCAVerification: true"  # noqa: S105
JOIN = f"discovery: {{bootstrapToken: {{{TOKEN}}}}}"


def said(text: str) -> list[str]:
    try:
        validate(load(text.encode()))
    except BootstrapError as error:
        return list(error.details)
    return []


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        (
            "ClusterConfiguration\napiServer: {timeoutForControlPlane: 4m}",
            "it is InitConfiguration.timeouts.controlPlaneComponentHealthCheck now",
        ),
        ("JoinConfiguration\ndiscovery: {timeout: 5m}", "it is JoinConfiguration.timeouts.discovery now"),
        (
            "ClusterConfiguration\nnodeRegistration: {}",
            "it belongs to InitConfiguration.nodeRegistration or JoinConfiguration.nodeRegistration",
        ),
        ("ClusterConfiguration\nname: x", 'did you mean "clusterName"?'),
        ("ClusterConfiguration\nversion: v1.37.0", 'did you mean "kubernetesVersion"?'),
        ("ClusterConfiguration\npodSubnet: 10.1.0.0/16", "it belongs to ClusterConfiguration.networking.podSubnet"),
        ("ClusterConfiguration\netcd: {dataDir: /srv}", "it belongs to ClusterConfiguration.etcd.local.dataDir"),
        ("ClusterConfiguration\nadvertiseAddress: 1.2.3.4", "InitConfiguration.localAPIEndpoint.advertiseAddress"),
        ("ClusterConfiguration\ndns: {type: CoreDNS}", "gone: there is only CoreDNS"),
        ("ClusterConfiguration\nuseHyperKubeImage: true", "gone: imageRepository says"),
        ("InitConfiguration\nkubernetesVersion: v1.37.0", "it belongs to ClusterConfiguration.kubernetesVersion"),
        ("InitConfiguration\ncriSocket: /run/x", "it belongs to InitConfiguration.nodeRegistration.criSocket"),
        ("InitConfiguration\nskipPhase: [a]", 'did you mean "skipPhases"?'),
        ("JoinConfiguration\ntoken: a", "it belongs to JoinConfiguration.discovery.bootstrapToken.token"),
        ("ClusterConfiguration\nscheduler: {extraArgs: {v: '4'}}", "must be a list of items with name and value"),
        ("ClusterConfiguration\nreplicas: 3", "ClusterConfiguration.replicas: unknown field"),
    ],
)
def test_a_field_that_is_elsewhere_now_is_named_there(document: str, hint: str) -> None:
    found = [line for line in said(NOW + document) if "unknown field" in line or "must be a list" in line]

    assert len(found) == 1
    assert hint in found[0]


def test_a_kubelet_field_is_looked_for_in_its_own_document() -> None:
    [line] = said(KUBELET + "KubeletConfiguration\nanonymous: {enabled: false}")

    assert line.endswith("it belongs to KubeletConfiguration.authentication.anonymous")


def test_every_hint_leads_to_a_field() -> None:
    paths = {path for kind in KINDS for path in field_paths(kind, fields_of())}

    targets = [place for place in (*_MOVED.values(), *_MOVED_BELOW.values()) if place[0].isupper()]
    assert [place for place in targets if place not in paths] == []


@pytest.mark.parametrize(
    "document",
    [
        NOW + "ClusterConfiguration",
        NOW + "InitConfiguration",
        NOW + f"JoinConfiguration\n{JOIN}",
        KUBELET + "KubeletConfiguration",
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration",
        "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration",
    ],
)
def test_metadata_is_ignored_with_a_warning(document: str) -> None:
    kind = document.partition("kind: ")[2].partition("\n")[0]
    warnings = validate(load(f"{document}\nmetadata: {{name: config, creationTimestamp: null}}\n".encode()))

    assert list(map(str, warnings)) == [f"{kind}.metadata: ignored: the kinds of a configuration have none"]


def test_an_old_document_is_one_line_that_says_what_to_write() -> None:
    init, cluster = OLD + "InitConfiguration\n", OLD + "ClusterConfiguration\nmetadata: {name: x}\n"
    args = "nodeRegistration: {kubeletExtraArgs: {v: '4'}}\n"
    anew = "; or have it written: bootstrap config migrate --old-config FILE --new-config FILE"
    first = "document 1: InitConfiguration of kubeadm.k8s.io/v1beta2 is not read any more; "
    second = "document 2: ClusterConfiguration of kubeadm.k8s.io/v1beta2 is not read any more; "
    write, same = "write apiVersion: kubeadm.k8s.io/v1beta4; ", "nothing else in it has changed" + anew

    assert said(init + "---\n" + cluster) == [first + write + same, second + write + same]
    assert said(init + args + "---\n" + cluster) == [
        f"{first}{write}nodeRegistration.kubeletExtraArgs: must be a list of items with name and value, not a mapping"
        + anew,
        second + write + same,
    ]
    assert said(cluster + "---\n" + cluster)[1:] == [second + write + same]


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha3", "v1beta1", "v1beta3"])
def test_what_is_said_to_write_is_read(version: str) -> None:
    text = NOW.replace("v1beta4", version) + "ClusterConfiguration\nclusterName: a\n"
    [line] = said(text)

    assert said(text.replace(f"kubeadm.k8s.io/{version}", line.partition("apiVersion: ")[2].partition(";")[0])) == []


def test_kinds_of_earlier_versions_are_told_their_successors() -> None:
    assert said(OLD + "ClusterStatus\n") == [
        "document 1: ClusterStatus of kubeadm.k8s.io/v1beta2: gone: leave the document out"
    ]
    assert "InitConfiguration and ClusterConfiguration" in said(OLD + "MasterConfiguration\n")[0]


@pytest.mark.parametrize(
    ("form", "text", "reason"),
    [
        (forms.endpoint, "API.Example.test", "it has capitals; write api.example.test"),
        (forms.endpoint, "API.Example.test:6443", "it has capitals; write api.example.test"),
        (forms.endpoint, "api.example.test:99999", '"99999" is not a port (1 to 65535)'),
        (forms.endpoint, "https://api:6443/x", "is a URL; write api:6443"),
        (forms.endpoint, "fd00::1:x", "an IPv6 address stands in brackets before a port"),
        (forms.endpoint, "api_1", 'it has "_"'),
        (forms.node_name, "My-Node", "it has capitals; write my-node"),
        (forms.node_name, "node name", 'it has " "'),
        (forms.node_name, "-node", "begins and ends with a letter or a digit"),
        (forms.node_name, "", "it is empty"),
        (forms.dns_name, "a" * 254, "it has 254 characters, at most 253"),
        (forms.dns_label, "Data", "it has capitals; write data"),
        (forms.dns_label, "a.b", 'it has "."'),
        (forms.subject_name, "*.Example.test", "it has capitals"),
        (forms.image_repository, "registry.example.test/K8s", "it has capitals; write registry.example.test/k8s"),
        (forms.image_repository, "https://registry.example.test", "is a URL; write registry.example.test"),
        (forms.token, "ABCDEF.0123456789abcdef", "it has capitals"),
    ],
)
def test_the_reason_is_said_with_the_rule(form: forms.Form, text: str, reason: str) -> None:
    assert reason in form(text)
