"""What is known about kinds of objects before an API server is asked: groups, scopes, and what is not served any more.

The versions are those of upstream's deprecation guide.
"""

from __future__ import annotations

from bootstrap.render.cluster.objects import Object

DEFINITION = "CustomResourceDefinition"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
"""Kinds that have Pods to wait for, all of apps/v1."""
BUILT_IN_GROUPS = (
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
)
"""API groups that every API server of the supported minors serves by itself."""
NAMESPACELESS = {
    *("APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding"),
    *("ClusterTrustBundle", DEFINITION, "DeviceClass", "FlowSchema", "IPAddress", "IngressClass"),
    *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node"),
    *("PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass"),
    *("ServiceCIDR", "StorageClass", "StorageVersionMigration", "ValidatingAdmissionPolicy"),
    *("ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment"),
    "VolumeAttributesClass",
}
"""Built-in kinds whose objects are in no namespace."""
_APPS = {"Deployment": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1"}
_NO_PSP = "labels of Namespaces (pod-security.kubernetes.io/enforce: …) in its place; leave the object out"
_RBAC = dict.fromkeys(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), "rbac.authorization.k8s.io/v1")
_WEBHOOKS = dict.fromkeys(
    ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"), "admissionregistration.k8s.io/v1"
)
_FLOW = dict.fromkeys(("FlowSchema", "PriorityLevelConfiguration"), "flowcontrol.apiserver.k8s.io/v1")
_REMOVED: dict[str, tuple[str, dict[str, str]]] = {
    "extensions/v1beta1": (
        "1.16",
        {
            **_APPS,
            "NetworkPolicy": "networking.k8s.io/v1",
            "PodSecurityPolicy": _NO_PSP,
        },
    ),
    "apps/v1beta1": ("1.16", _APPS),
    "apps/v1beta2": ("1.16", _APPS),
    "admissionregistration.k8s.io/v1beta1": ("1.22", _WEBHOOKS),
    "apiextensions.k8s.io/v1beta1": ("1.22", {DEFINITION: "apiextensions.k8s.io/v1 (with a schema)"}),
    "apiregistration.k8s.io/v1beta1": ("1.22", {"APIService": "apiregistration.k8s.io/v1"}),
    "certificates.k8s.io/v1beta1": ("1.22", {"CertificateSigningRequest": "certificates.k8s.io/v1"}),
    "coordination.k8s.io/v1beta1": ("1.22", {"Lease": "coordination.k8s.io/v1"}),
    "networking.k8s.io/v1beta1": (
        "1.22",
        {"Ingress": "networking.k8s.io/v1", "IngressClass": "networking.k8s.io/v1"},
    ),
    "rbac.authorization.k8s.io/v1alpha1": ("1.22", _RBAC),
    "rbac.authorization.k8s.io/v1beta1": ("1.22", _RBAC),
    "scheduling.k8s.io/v1alpha1": ("1.22", {"PriorityClass": "scheduling.k8s.io/v1"}),
    "scheduling.k8s.io/v1beta1": ("1.22", {"PriorityClass": "scheduling.k8s.io/v1"}),
    "storage.k8s.io/v1beta1": (
        "1.22",
        dict.fromkeys(("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"), "storage.k8s.io/v1"),
    ),
    "autoscaling/v2beta1": ("1.25", {"HorizontalPodAutoscaler": "autoscaling/v2"}),
    "batch/v1beta1": ("1.25", {"CronJob": "batch/v1"}),
    "discovery.k8s.io/v1beta1": ("1.25", {"EndpointSlice": "discovery.k8s.io/v1"}),
    "events.k8s.io/v1beta1": ("1.25", {"Event": "events.k8s.io/v1"}),
    "node.k8s.io/v1beta1": ("1.25", {"RuntimeClass": "node.k8s.io/v1"}),
    "policy/v1beta1": ("1.25", {"PodDisruptionBudget": "policy/v1", "PodSecurityPolicy": _NO_PSP}),
    "autoscaling/v2beta2": ("1.26", {"HorizontalPodAutoscaler": "autoscaling/v2"}),
    "flowcontrol.apiserver.k8s.io/v1beta1": ("1.26", _FLOW),
    "flowcontrol.apiserver.k8s.io/v1beta2": ("1.29", _FLOW),
    "flowcontrol.apiserver.k8s.io/v1beta3": ("1.32", _FLOW),
    "batch/v2alpha1": ("1.21", {"CronJob": "batch/v1"}),
}
"""Group and version → the Kubernetes since which it is gone, and by kind what is used instead."""
_REMOVED_LATER = {
    ("extensions/v1beta1", "Ingress"): ("1.22", "networking.k8s.io/v1 (with pathType)"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): ("1.27", "storage.k8s.io/v1"),
}
"""Kinds that outlived the others of their group and version."""


def group(body: Object) -> str:
    """The API group; empty for the core's."""
    return str(body["apiVersion"]).rpartition("/")[0]


def removed(body: Object) -> str:
    """Since when no API server serves this kind, and what to use; empty if it is not known to be gone."""
    version, kind = str(body["apiVersion"]), str(body["kind"])
    since, instead = _REMOVED_LATER.get((version, kind)) or _removed_with_others(version, kind)
    return f"{version} {kind} is gone since Kubernetes {since}: use {instead}" if since else ""


def _removed_with_others(version: str, kind: str) -> tuple[str, str]:
    since, kinds = _REMOVED.get(version, ("", {}))
    return (since, kinds[kind]) if kind in kinds else ("", "")
