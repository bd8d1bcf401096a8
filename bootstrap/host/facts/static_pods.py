"""What the kubelet of this machine runs without asking anybody."""

from __future__ import annotations

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.port import HostReader
from bootstrap.model.cluster import Document
from bootstrap.render.controlplane.static_pods import manifest_path


def static_pod(host: HostReader, name: str, directory: str = "") -> Document | None:
    """The manifest of a component, where the kubelet looks or in `directory`; None where there is none to be read."""
    try:
        found = parse_one(host.read(manifest_path(name, directory or static_pod_path(host))) or b"")
    except UnreadableError:
        return None
    return found if isinstance(found, dict) else None
