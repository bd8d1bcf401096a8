"""Which kinds an API server of this minor serves, and what is said of the others."""

from __future__ import annotations

import pytest

from bootstrap.model.components.kinds import look_up


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Pod"),
        ("apps/v1", "DaemonSet"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("apiregistration.k8s.io/v1", "APIService"),
        ("policy/v1", "PodDisruptionBudget"),
    ],
)
def test_what_is_served(version: str, kind: str) -> None:
    assert look_up(version, kind).state == "served"


@pytest.mark.parametrize(
    ("version", "kind", "since", "instead"),
    [
        ("policy/v1beta1", "PodSecurityPolicy", "1.25", "pod-security.kubernetes.io"),
        ("extensions/v1beta1", "DaemonSet", "1.16", "apps/v1 DaemonSet"),
        ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1 Ingress"),
        ("batch/v1beta1", "CronJob", "1.25", "batch/v1 CronJob"),
        ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", "1.22", "rbac.authorization.k8s.io/v1 ClusterRole"),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22", "apiextensions.k8s.io/v1 Custom"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2 "),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.26", "flowcontrol.apiserver.k8s.io/v1 FlowSchema"),
    ],
)
def test_what_is_gone(version: str, kind: str, since: str, instead: str) -> None:
    found = look_up(version, kind)

    assert (found.state, found.since) == ("gone", since)
    assert instead in found.instead


def test_what_nobody_knows_in_a_group_of_kubernetes() -> None:
    assert look_up("apps/v1", "DeamonSet").state == "unknown"
    assert look_up("v2", "Pod").instead == "v1 Pod"
    assert look_up("apps/v1", "Ingress").instead == "networking.k8s.io/v1 Ingress"


def test_what_is_served_on_request_only() -> None:
    assert look_up("resource.k8s.io/v1beta1", "ResourceClaim").state == "off"


@pytest.mark.parametrize("version", ["monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1", "metrics.k8s.io/v1"])
def test_other_groups_are_for_others(version: str) -> None:
    assert look_up(version, "Gateway").state == "foreign"
