"""The container in front of several API servers: haproxy, which passes TLS on and asks each for `/readyz`."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.model import names

COMMAND = ("/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg")
CONFIGURATION = "/etc/haproxy/haproxy.cfg"
CA = "/etc/haproxy/ca.crt"
STOP_SIGNAL = "SIGUSR1"
"""haproxy's own for an end without haste."""
RELOAD = "SIGUSR2"

_HEAD = f"""\
global
    maxconn 4000
    log stderr format raw local0 warning
    user haproxy
    group haproxy
defaults
    mode tcp
    log global
    timeout connect 2s
    timeout client 24h
    timeout server 24h
    timeout check 2s
frontend api
    bind :{names.API_PORT}
    default_backend control-planes
backend control-planes
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-ssl verify required ca-file {CA} inter 500ms fastinter 250ms fall 2 rise 1 \
on-marked-down shutdown-sessions
"""


def configuration(control_planes: Mapping[str, str]) -> bytes:
    """`control_planes`: name → address."""
    servers = (f"    server {name} {address}:{names.API_PORT}\n" for name, address in control_planes.items())
    return (_HEAD + "".join(servers)).encode()
