"""Forms of single values: names, addresses, endpoints, tokens. Each answers with what is wrong, or empty."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Callable
from string import ascii_lowercase, digits
from urllib.parse import urlsplit

from bootstrap.model import names
from bootstrap.model.protected import protection

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_ONE_LABEL = re.compile(_LABEL)
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_REPOSITORY = re.compile(
    r"((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    r"|[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)

MAXIMUM_NODE_NAME = 63

Form = Callable[[str], str]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(text: str) -> Address | None:
    """The IP address, or None."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def dns_name(text: str) -> str:
    """A DNS-1123 subdomain."""
    return f'"{text}" is not a DNS name: {why}' if (why := _not_dns(text, 253, "-.")) else ""


def _not_dns(text: str, most: int, signs: str) -> str:
    """Why a text is no DNS-1123 name of lower-case letters, digits and these signs; empty if it is one."""
    if text != text.lower() and not _not_dns(text.lower(), most, signs):
        return f"it has capitals; write {text.lower()}"
    if not text:
        return "it is empty"
    if stranger := next((c for c in text.lower() if c not in f"{ascii_lowercase}{digits}{signs}"), ""):
        return f'it has "{stranger}"; allowed are a to z, digits{_among(signs)}'
    if len(text) > most:
        return f"it has {len(text)} characters, at most {most} are allowed"
    pattern = _SUBDOMAIN if "." in signs else _ONE_LABEL
    return "" if pattern.fullmatch(text) else "each word of it begins and ends with a letter or a digit"


def _among(signs: str) -> str:
    return "".join(f' and "{sign}"' if sign == signs[-1] else f', "{sign}"' for sign in signs)


def node_name(text: str) -> str:
    """A node's name, which the kubelet also writes into the label kubernetes.io/hostname."""
    if len(text) > MAXIMUM_NODE_NAME and not dns_name(text):
        return f'"{text}" has {len(text)} characters; a node\'s name has at most {MAXIMUM_NODE_NAME}, as labels do'
    return dns_name(text)


def dns_label(text: str) -> str:
    """A DNS-1123 label, as a volume's name is."""
    return f'"{text}" is not a DNS label: {why}' if (why := _not_dns(text, 63, "-")) else ""


def subject_name(text: str) -> str:
    """A name in a certificate: an address or a DNS name, with `*.` in front if wanted."""
    if address(text) or not (why := _not_dns(text.removeprefix("*."), 253, "-.")):
        return ""
    return f'"{text}" is neither an IP address nor a DNS name: {why}'


def endpoint(text: str) -> str:
    """`HOST` or `HOST:PORT`."""
    if split_endpoint(text):
        return ""
    if "://" in text or "/" in text:
        host = text.rpartition("://")[2].partition("/")[0]
        return f'"{text}" is a URL; write {host}, without scheme and path'
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    if port and not (port.isdecimal() and 1 <= int(port) <= names.HIGHEST_PORT):
        return f'"{text}" is not HOST:PORT: "{port}" is not a port (1 to {names.HIGHEST_PORT})'
    if ":" in host and not address(host.strip("[]")):
        return f'"{text}" is not HOST:PORT; an IPv6 address stands in brackets before a port'
    return f'"{text}" is not HOST or HOST:PORT: {_not_dns(host, 253, "-.") or "there is no port after the colon"}'


def split_endpoint(text: str) -> tuple[str, str] | None:
    """`host` and `port` (empty if not given) of an endpoint; None if it is not one."""
    bracketed = re.fullmatch(r"\[([^\]]*)\]:(.*)", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, ""
    if port and not (re.fullmatch("[0-9]{1,5}", port) and 1 <= int(port) <= names.HIGHEST_PORT):
        return None
    return (host, port) if address(host) or not dns_name(host) else None


def join_endpoint(host: str, port: str | int) -> str:
    """`host:port`, with brackets where an IPv6 address needs them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def absolute(text: str) -> str:
    """An absolute path."""
    if not text.isprintable():
        return f"{text!r} has a character that is none"
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
    capitals = " (it has capitals)" if _TOKEN.fullmatch(text.lower()) else ""
    return "" if _TOKEN.fullmatch(text) else f"not a bootstrap token: [a-z0-9]{{6}}.[a-z0-9]{{16}}{capitals}"


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
    if _REPOSITORY.fullmatch(text):
        return ""
    if "://" in text:
        return f'"{text}" is a URL; write {text.partition("://")[2]}'
    capitals = f": it has capitals; write {text.lower()}" if _REPOSITORY.fullmatch(text.lower()) else ""
    return f'"{text}" is not a repository such as registry.example.com/k8s{capitals}'


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
