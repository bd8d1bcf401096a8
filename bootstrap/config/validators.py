"""Forms of single values: names, addresses, endpoints, tokens. Each answers with what is wrong, or empty."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from urllib.parse import urlsplit

from bootstrap.model.protected import protection

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_REPOSITORY = re.compile(
    r"((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    r"|[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)

MAXIMUM_NODE_NAME = 63

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(text: str) -> Address | None:
    """The IP address, or None."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def dns_name(text: str) -> str:
    """A DNS-1123 subdomain."""
    if len(text) <= 253 and _SUBDOMAIN.fullmatch(text):
        return ""
    return f'"{text}" is not a DNS name (lower-case letters, digits, "-" and ".", at most 253 characters)'


def node_name(text: str) -> str:
    """A node's name, which the kubelet also writes into the label kubernetes.io/hostname."""
    if len(text) > MAXIMUM_NODE_NAME and not dns_name(text):
        return f'"{text}" has {len(text)} characters; a node\'s name has at most {MAXIMUM_NODE_NAME}, as labels do'
    return dns_name(text)


def dns_label(text: str) -> str:
    """A DNS-1123 label, as a volume's name is."""
    if len(text) <= 63 and re.fullmatch(_LABEL, text):
        return ""
    return f'"{text}" is not a DNS label (lower-case letters, digits and "-", at most 63 characters)'


def subject_name(text: str) -> str:
    """A name in a certificate: an address or a DNS name, with `*.` in front if wanted."""
    if address(text) or not dns_name(text.removeprefix("*.")):
        return ""
    return f'"{text}" is neither an IP address nor a DNS name'


def split_endpoint(text: str) -> tuple[str, str] | None:
    """`host` and `port` (empty if not given) of an endpoint; None if it is not one."""
    bracketed = re.fullmatch(r"\[([^\]]*)\]:(.*)", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, ""
    if port and not (re.fullmatch("[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        return None
    return (host, port) if address(host) or not dns_name(host) else None


def join_endpoint(host: str, port: str | int) -> str:
    """`host:port`, with brackets where an IPv6 address needs them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def absolute(text: str) -> str:
    """An absolute path."""
    return "" if text.startswith("/") else f'"{text}" is not an absolute path'


def token_id(text: str) -> str:
    """The public half of a bootstrap token."""
    return "" if re.fullmatch(r"[a-z0-9]{6}", text) else f'"{text}" is not six lower-case letters or digits'


def own_directory(text: str) -> str:
    """An absolute path of a directory that a node may have for itself."""
    path = posixpath.normpath(text)
    if not text.startswith("/") or not (kind := protection(path)):
        return absolute(text)
    return f'"{text}" is {kind}: name a directory inside it that holds nothing else'


def token(text: str) -> str:
    """A bootstrap token."""
    return "" if _TOKEN.fullmatch(text) else "not a bootstrap token: [a-z0-9]{6}.[a-z0-9]{16}"


def token_group(text: str) -> str:
    """An extra group of a bootstrap token."""
    return "" if _GROUP.fullmatch(text) else f'"{text}" does not match system:bootstrappers:[a-z0-9:-]{{0,255}}[a-z0-9]'


def certificate_key(text: str) -> str:
    """32 bytes in hexadecimal."""
    return "" if re.fullmatch("[0-9a-fA-F]{64}", text) else "not 64 hexadecimal digits (32 bytes)"


def socket(text: str) -> str:
    """The address of a container runtime."""
    return "" if text.startswith("unix://") else f'"{text}" is not a unix:// address'


def image_repository(text: str) -> str:
    """Where images are below."""
    return "" if _REPOSITORY.fullmatch(text) else f'"{text}" is not a repository such as registry.example.com/k8s'


def url(text: str, https: bool) -> str:
    """An http or https URL with a host."""
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete or parts.scheme not in ("http", "https"):
        return f'"{text}" is not a URL such as https://10.0.0.5:2379'
    return f'"{text}" must be https, since certificates are given' if https and parts.scheme != "https" else ""


def label_key(text: str) -> str:
    """A label or taint key: `name` or `prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    if _QUALIFIED.fullmatch(name) and not (slash and dns_name(prefix)):
        return ""
    return f'"{text}" is not a key such as example.com/name'


def label_value(text: str) -> str:
    """A label or taint value."""
    return "" if not text or _QUALIFIED.fullmatch(text) else f'"{text}" is not a value (letters, digits, "-", "_", ".")'
