"""What the plan of a first control plane is made from: for `init`, and for another version of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bootstrap.config import to_cluster_configuration, to_stored
from bootstrap.host.port import HostReader
from bootstrap.model.cluster import BootstrapToken
from bootstrap.model.effects import Apply
from bootstrap.phases.images import Bundled
from bootstrap.phases.inputs import ClusterInputs, ControlPlaneInputs, NodeInputs
from bootstrap.render.controlplane.own import stored
from bootstrap.render.pki.issue import ca_pem
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.credentials import NOTHING, Credentials
from bootstrap.workflows.encryption import encryption
from bootstrap.workflows.inputs import kubelet_login_files, read_patches, stale_files, vip_password
from bootstrap.workflows.observe import Observed


def node_inputs(
    host: HostReader, observed: Observed, issued: Credentials, wait: str = "dns", bundled: Bundled | None = None
) -> NodeInputs:
    """Raises BootstrapError (exit 3) when a file that the configuration names cannot be read."""
    cfg, logins = observed.cfg, kubelet_login_files(host, observed.cfg.own.mirrors)
    return NodeInputs(
        cfg,
        observed.facts,
        state=to_stored(cfg).encode(),
        kubeconfigs=issued.kubeconfigs,
        patches=read_patches(host, cfg.node.patches_directory),
        wait=wait,
        credential=issued.kubelet,
        logins=logins,
        bundled=bundled,
        stale=stale_files(host, cfg, observed.facts.mode, logins),
    )


def control_plane_inputs(host: HostReader, observed: Observed, issued: Credentials) -> ControlPlaneInputs:
    """Raises BootstrapError (exit 3) when there is no password to be read, or the key of Secrets is gone."""
    encrypted, password = encryption(host, observed.cfg, NOTHING), vip_password(host, observed.cfg)
    return ControlPlaneInputs(issued.pki, issued.there, issued.signing, encryption=encrypted, vip_password=password)


def cluster_inputs(
    host: HostReader,
    observed: Observed,
    issued: Credentials,
    manifests: Mapping[str, str],
    now: datetime,
    tokens: tuple[BootstrapToken, ...] = (),
    uploads: tuple[Apply, ...] = (),
) -> ClusterInputs:
    """Raises BootstrapError: exit 3, 9 (an add-on cannot be read)."""
    cfg = observed.cfg
    return ClusterInputs(
        to_cluster_configuration(stored(cfg, observed.facts)),
        ca_pem(cfg, issued.by_path),
        manifests,
        now,
        tokens=tokens,
        addons=read_addons(host, cfg, manifests),
        uploads=uploads,
    )
