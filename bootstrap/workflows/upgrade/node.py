"""`upgrade node`: a machine that has joined follows its cluster to the version that `upgrade apply` gave that."""

from __future__ import annotations

from datetime import datetime

from bootstrap.config import Documents
from bootstrap.config.join import KIND, joining
from bootstrap.config.rules import check_node
from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Api, Host, HostReader
from bootstrap.joining.cluster import cluster_of, with_settings_of
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ClusterSpec
from bootstrap.model.errors import BootstrapError, Exit, config_error
from bootstrap.model.plan import PREFLIGHT
from bootstrap.workflows.api_access import administrator, kubelet
from bootstrap.workflows.upgrade.apply import UpgradeDecision, examined, stored_here
from bootstrap.workflows.upgrade.version import check_order


def decide_node(host: Host, mode: str, options: UpgradeOptions, kubeconfig: str, now: datetime) -> UpgradeDecision:
    """Raises BootstrapError: exit 3, 7 (the cluster does not say what it is), 8 (nothing of ours, or not its turn)."""
    before, facts = joined_here(host), gather(host, mode)
    spec, own = _cluster(host, before, kubeconfig)
    check_order(before, spec.kubernetes_version, options)
    cfg = joining(_documents(options), spec, own, before.node.server, facts, before.node)
    if problems := tuple(check_node(cfg.node, f"{KIND}.nodeRegistration")):
        raise config_error(problems)
    return examined(host, facts, options, kubeconfig, now, before=before, cfg=cfg)


def joined_here(host: HostReader) -> ClusterConfig:
    """Raises BootstrapError (exit 8) where no machine has joined."""
    before = stored_here(host)
    if before.node.server:
        return before
    raise BootstrapError(
        "this is the first control plane of its cluster",
        code=Exit.CONFLICT,
        why=f"init was run here: {names.STATE_CONFIG}",
        fix="bootstrap upgrade apply",
    )


def _cluster(host: HostReader, before: ClusterConfig, kubeconfig: str) -> tuple[ClusterSpec, BootstrapConfig]:
    """What the cluster says that it is now."""
    api: Api = administrator(host, kubeconfig) if before.node.api or kubeconfig else kubelet(host)()
    try:
        return cluster_of(api), with_settings_of(api, before.own)
    except ConnectionError as e:
        raise BootstrapError(
            f"the cluster does not answer at {before.node.server}",
            code=Exit.API,
            why=str(e),
            fix="bootstrap diagnose on a control plane",
        ) from e


def _documents(options: UpgradeOptions) -> Documents:
    """What is written of the run over what is stored of the node."""
    given = {
        "patches": {"directory": options.patches} if options.patches else None,
        "nodeRegistration": {"ignorePreflightErrors": list(options.ignored)} if options.ignored else None,
        "timeouts": options.timeouts,
        "skipPhases": [PREFLIGHT] if PREFLIGHT in options.skipped else None,
    }
    return Documents(upstream={KIND: {name: value for name, value in given.items() if value}})
