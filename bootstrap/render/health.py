"""Where this machine's components say that they are well: by their own flags and configuration, patches included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.model import names
from bootstrap.model.cluster import Arg
from bootstrap.render.addresses import nearby, url_host
from bootstrap.render.controlplane import args


def kubelet_health(configuration: Mapping[str, Any], extra: tuple[Arg, ...]) -> str:
    """Its URL; empty where the kubelet serves none (port 0). Its flags win over its configuration."""
    written = configuration.get("healthzPort", names.KUBELET_HEALTHZ_PORT)
    port = args.port(args.last_value(extra, "healthz-port", ""), written)
    address = nearby(args.last_value(extra, "healthz-bind-address", configuration.get("healthzBindAddress") or ""))
    return f"http://{url_host(address)}:{port}/healthz" if port else ""


def component_health(pod: Mapping[str, Any], port: int, path: str) -> str:
    """The URL of a component of Kubernetes that runs as `pod`; empty where it serves none (port 0)."""
    flags = args.flags_of(pod)
    port = args.port(flags.get("secure-port", ""), port)
    return f"https://{url_host(nearby(flags.get('bind-address', '')))}:{port}{path}" if port else ""


def has_rbac(pod: Mapping[str, Any]) -> bool:
    """Whether the API server `pod` makes RBAC's own roles; a file of authorizers is taken to have it."""
    modes = args.flags_of(pod).get(
        "authorization-mode", "" if "authorization-config" in args.flags_of(pod) else "AlwaysAllow"
    )
    return not modes or "RBAC" in modes.split(",")


def probe_url(pod: Mapping[str, Any]) -> str:
    """Where the kubelet asks a static Pod whether it is ready, else whether it lives; empty where it asks nothing."""
    container = pod["spec"]["containers"][0]
    probe = container.get("readinessProbe") or container.get("livenessProbe") or {}
    get = probe.get("httpGet")
    if not get:
        return ""
    named = {port.get("name"): port.get("containerPort") for port in container.get("ports") or ()}
    scheme, host = str(get.get("scheme", "HTTP")).lower(), url_host(nearby(get.get("host") or ""))
    return f"{scheme}://{host}:{named.get(get['port'], get['port'])}{get.get('path', '/')}"
