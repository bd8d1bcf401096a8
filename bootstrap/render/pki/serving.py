"""What a kubelet serves with: which requests for it a control plane approves.

The controller manager signs whatever is approved, with the CA by which clients know the API server. A node says itself
which addresses it has, so that those alone do not decide: what the API server or another node is known by is refused.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from bootstrap.model import names
from bootstrap.render.addresses import as_ip
from bootstrap.render.pki.certs import certificate_info

Object = Mapping[str, Any]
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SERVING = f"{REQUESTS}?fieldSelector=spec.signerName%3D{names.SERVING_SIGNER.replace('/', '%2F')}"
_NEEDED = {"digital signature", "server auth"}
_USAGES = _NEEDED | {"key encipherment"}
"""The last one goes with an RSA key."""


def is_pending(request: Object) -> bool:
    """Whether nobody has said yes or no, or could not sign it."""
    return not (request.get("status") or {}).get("conditions")


def refusal(request: Object, nodes: Iterable[Object], protected: Collection[str]) -> str:
    """Why a request for a serving certificate is not approved; empty for what a node may ask for.

    `protected` are names and addresses of the API server.
    """
    spec = request["spec"]
    user, others = str(spec.get("username")), {node["metadata"]["name"]: node for node in nodes}
    node = others.pop(user.removeprefix(names.NODE_USER), None)
    if not user.startswith(names.NODE_USER) or names.NODES_GROUP not in (spec.get("groups") or ()):
        return f"{user}, who asks, is no node"
    if node is None:
        return f"there is no node {user.removeprefix(names.NODE_USER)}"
    usages = set(spec.get("usages") or ())
    if not _NEEDED <= usages <= _USAGES:
        return f"it is for {', '.join(sorted(usages)) or 'nothing'}"
    try:
        subject, asked = _content(b64decode(spec["request"]))
    except ValueError as e:
        return f"it cannot be read: {e}"
    if subject != sorted([f"CN={user}", f"O={names.NODES_GROUP}"]):
        return f"its subject is not CN={user}, O={names.NODES_GROUP}"
    if not asked:
        return "it names nothing"
    if strange := sorted(asked - addresses(node)):
        return f"{', '.join(strange)}: not among the addresses of the node"
    taken = {address for other in others.values() if _is_ready(other) for address in addresses(other)}
    if names.CONTROL_PLANE_ROLE not in (node["metadata"].get("labels") or {}):
        taken |= set(protected)
    if claimed := sorted(asked & taken):
        return f"{', '.join(claimed)}: the API server's, or another node's"
    return ""


def approval(request: Object) -> dict[str, Any]:
    """What is merged into its subresource `approval`; only as the request was read."""
    said = {
        "type": "Approved",
        "status": "True",
        "reason": "NamesOfTheNode",
        "message": "approved by bootstrap: the node's own names and addresses",
    }
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {key: request["metadata"][key] for key in ("name", "resourceVersion")},
        "status": {"conditions": [said]},
    }


def _content(pem: bytes) -> tuple[list[str], set[str]]:
    """Subject, and names and addresses. Raises ValueError for anything else in it, whoever may read it otherwise."""
    request = x509.load_pem_x509_csr(pem)
    if request.public_bytes(Encoding.PEM).split() != pem.split():
        raise ValueError("there is more than the request")
    if not request.is_signature_valid:
        raise ValueError("its signature is not by its key")
    found = {extension.oid: extension.value for extension in request.extensions}
    alternative = found.pop(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, None)
    if found:
        raise ValueError("it asks for extensions")
    sans = list(alternative) if isinstance(alternative, x509.SubjectAlternativeName) else []
    if not all(isinstance(san, x509.DNSName | x509.IPAddress) for san in sans):
        raise ValueError("it names what is neither a host nor an address")
    subject = sorted(f"{attribute.rfc4514_attribute_name}={attribute.value!s}" for attribute in request.subject)
    return subject, {str(san.value) for san in sans}


def shortfall(pem: bytes | None, node: Object, now: float) -> str:
    """Why what a kubelet serves with is not believed where `node` says it is; empty if it is."""
    if not pem:
        return "it is not there yet"
    info = certificate_info(pem)
    if info.not_after.timestamp() <= now:
        return "it has ended"
    missing = sorted(addresses(node) - set(info.sans))
    return f"it lacks {', '.join(missing)}" if missing else ""


def addresses(node: Object) -> set[str]:
    """Names and addresses that a node says it has."""
    said = (str(each["address"]) for each in (node.get("status") or {}).get("addresses") or ())
    return {str(as_ip(text) or text) for text in said}


def _is_ready(node: Object) -> bool:
    """One that is gone keeps no address from its successor."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
