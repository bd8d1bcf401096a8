"""What is known about kinds of objects before an API server is asked: scopes, and what is not served."""

from __future__ import annotations

from bootstrap.model.components.kinds import groups, look_up
from bootstrap.model.names import KUBERNETES_MINOR
from bootstrap.render.cluster.objects import Object

DEFINITION = "CustomResourceDefinition"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
"""Kinds that have Pods to wait for, all of apps/v1."""
BUILT_IN_GROUPS = groups()
"""API groups that every API server of this minor serves by itself."""
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


def group(body: Object) -> str:
    """The API group; empty for the core's."""
    return str(body["apiVersion"]).rpartition("/")[0]


def removed(body: Object) -> str:
    """That this minor's API server does not know this kind, and what to use; empty if it does, or may come to."""
    version, kind = str(body["apiVersion"]), str(body["kind"])
    found = look_up(version, kind)
    instead = f": use {found.instead}" if found.instead else ""
    if found.state == "gone":
        return f"{version} {kind} is gone since Kubernetes {found.since}{instead}"
    return (
        f"{version} {kind} is not known to Kubernetes {KUBERNETES_MINOR}{instead}" if found.state == "unknown" else ""
    )


def is_off(body: Object) -> bool:
    """Whether the API server serves this kind only when its `runtime-config` says so."""
    return look_up(str(body["apiVersion"]), str(body["kind"])).state == "off"
