"""The audit policy of the API server, and where its log goes."""

from __future__ import annotations

from typing import Any

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Volume
from bootstrap.model.effects import Directory, File
from bootstrap.render.controlplane.args import last_value

FLAGS = {
    "audit-log-path": f"{names.AUDIT_LOG_DIR}/audit.log",
    "audit-log-maxage": "30",
    "audit-log-maxbackup": "10",
    "audit-log-maxsize": "100",
    "audit-policy-file": names.AUDIT_POLICY,
}


def audit_files(cfg: ClusterConfig) -> tuple[Directory | File, ...]:
    """What must be there before the API server starts; nothing without hardening."""
    if not cfg.own.hardening:
        return ()
    return (Directory(names.AUDIT_LOG_DIR, 0o700), audit_policy_file())


def audit_policy_file() -> File:
    """The policy, where the API server's flag has it."""
    return File(names.AUDIT_POLICY, to_yaml(audit_policy()).encode(), mode=0o600)


def volumes(cfg: ClusterConfig) -> tuple[Volume, ...]:
    """Our policy and log directory, each only while the flag that uses it is ours, and its place not the user's."""
    if not cfg.own.hardening:
        return ()
    settings = cfg.cluster.api_server
    ours = {n for n, value in FLAGS.items() if last_value(settings.extra_args, n, value) == value}
    taken = {v.name for v in settings.extra_volumes} | {v.mount_path for v in settings.extra_volumes}
    policy = Volume("audit-policy", names.AUDIT_POLICY, names.AUDIT_POLICY, True, "File")
    log = Volume("audit-log", names.AUDIT_LOG_DIR, names.AUDIT_LOG_DIR, False, "DirectoryOrCreate")
    wanted = (("audit-policy-file", policy), ("audit-log-path", log))
    return tuple(v for flag, v in wanted if flag in ours and not {v.name, v.mount_path} & taken)


def audit_policy() -> dict[str, Any]:
    """The first rule that matches wins: who touched secrets, never what they hold; no machine's reads; all changes."""
    quiet_users = ["system:kube-proxy", "system:apiserver", "system:kube-scheduler", "system:kube-controller-manager"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"]},
            _rule("None", "coordination.k8s.io", "leases"),
            _rule("None", "", "events"),
            _rule("None", "events.k8s.io", "events"),
            _rule("Metadata", "", "secrets", "configmaps", "serviceaccounts/token"),
            _rule("Metadata", "authentication.k8s.io", "tokenreviews"),
            _rule("Metadata", "", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"),
            {"level": "None", "users": quiet_users, "verbs": ["get", "list", "watch"]},
            {"level": "None", "userGroups": [names.NODES_GROUP], "verbs": ["get", "list", "watch"]},
            {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata"},
        ],
    }


def _rule(level: str, group: str, *resources: str) -> dict[str, Any]:
    return {"level": level, "resources": [{"group": group, "resources": list(resources)}]}
