"""Which requests for a kubelet's serving certificate are approved: exactly those for what the node is."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bootstrap.model import names
from bootstrap.render.pki import certs
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.serving import approval, is_pending, refusal

USER = "system:node:w1"
KEY = CryptoKeySource().new("ECDSA-P256")
PROTECTED = ("kubernetes", "kubernetes.default", "cp1", "10.96.0.1", "192.0.2.10")


def pem(*sans: str, cn: str = USER, organizations: tuple[str, ...] = (names.NODES_GROUP,)) -> bytes:
    return certs.request(certs.CertSpec(cn, organizations, sans=sans), KEY)


def with_extension(extension: x509.ExtensionType) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, names.NODES_GROUP),
            x509.NameAttribute(NameOID.COMMON_NAME, USER),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(extension, critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM)


def broken_signature() -> bytes:
    der = bytearray(x509.load_pem_x509_csr(pem("w1")).public_bytes(Encoding.DER))
    at = der.index(b"w1", der.index(b"w1") + 2)  # in the names
    der[at : at + 2] = b"w9"
    return x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)


def asked(content: bytes | None = None, **changes: Any) -> dict[str, Any]:
    spec = {
        "signerName": names.SERVING_SIGNER,
        "username": USER,
        "groups": [names.NODES_GROUP, "system:authenticated"],
        "usages": ["digital signature", "server auth"],
        "request": b64encode(pem("w1", "192.0.2.21") if content is None else content).decode(),
    }
    return {"metadata": {"name": "csr-1", "resourceVersion": "7"}, "spec": {**spec, **changes}}


def node(name: str, *addresses: str, ready: bool = True, labels: tuple[str, ...] = ()) -> dict[str, Any]:
    said = [{"type": "InternalIP" if address[0].isdigit() else "Hostname", "address": address} for address in addresses]
    condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
    return {
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "")},
        "status": {"addresses": said, "conditions": [condition]},
    }


NODES = (node("w1", "w1", "192.0.2.21", "2001:0db8::1"), node("w2", "w2", "192.0.2.22"))


def test_a_node_may_have_its_own_names_and_addresses() -> None:
    for sans in (("w1",), ("192.0.2.21",), ("w1", "192.0.2.21", "2001:db8::1")):
        assert not refusal(asked(pem(*sans)), NODES, PROTECTED)
    assert not refusal(asked(usages=["key encipherment", "digital signature", "server auth"]), NODES, PROTECTED)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (asked(username="system:serviceaccount:kube-system:x"), "is no node"),
        (asked(groups=["system:authenticated"]), "is no node"),
        (asked(username="system:node:w9"), "there is no node w9"),
        (asked(username="system:node:w2"), "its subject is not"),
        (asked(usages=["digital signature", "client auth"]), "it is for client auth"),
        (asked(usages=["digital signature", "server auth", "cert sign"]), "it is for cert sign"),
        (asked(usages=["server auth"]), "it is for server auth"),
        (asked(usages=None), "it is for nothing"),
        (asked(pem("w1", cn="system:node:w2")), "its subject is not"),
        (asked(pem("w1", organizations=())), "its subject is not"),
        (asked(pem("w1", organizations=(names.NODES_GROUP, "system:masters"))), "its subject is not"),
        (asked(pem()), "it names nothing"),
        (asked(pem("w1", "w2")), "w2: not among the addresses"),
        (asked(pem("w1", "192.0.2.99")), "192.0.2.99: not among the addresses"),
        (asked(pem("*.w1")), "*.w1: not among"),
        (asked(b"not a request"), "cannot be read"),
        (asked(b""), "cannot be read"),
        (asked(pem("w1") + pem("w1", "w2")), "more than the request"),
        (asked(broken_signature()), "its signature"),
        (asked(with_extension(x509.BasicConstraints(True, None))), "asks for extensions"),
        (asked(with_extension(x509.SubjectAlternativeName([x509.RFC822Name("a@w1")]))), "neither a host nor"),
        (asked(with_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("w1:")]))), "neither"),
    ],
)
def test_all_else_is_left(request_: dict[str, Any], why: str) -> None:
    assert why in refusal(request_, NODES, PROTECTED)


@pytest.mark.parametrize("claimed", ["kubernetes.default", "10.96.0.1", "192.0.2.10", "192.0.2.22", "w2", "cp1"])
def test_a_node_that_says_it_has_what_another_is_known_by_does_not_get_it(claimed: str) -> None:
    thief = node("w1", "w1", claimed)

    assert claimed in refusal(asked(pem("w1", claimed)), (thief, NODES[1]), PROTECTED)


def test_a_control_plane_is_known_by_what_its_api_server_is() -> None:
    for labels, refused in ((("node-role.kubernetes.io/control-plane",), False), ((), True)):
        here = node("w1", "w1", "192.0.2.10", labels=labels)
        assert bool(refusal(asked(pem("w1", "192.0.2.10")), (here, NODES[1]), PROTECTED)) is refused


def test_the_address_of_a_node_that_is_gone_may_be_anothers() -> None:
    mine = node("w1", "w1", "192.0.2.22")

    assert not refusal(asked(pem("w1", "192.0.2.22")), (mine, node("w2", "w2", "192.0.2.22", ready=False)), PROTECTED)


def test_it_is_judged_once_and_only_as_it_was_read() -> None:
    assert is_pending(asked()) and is_pending({**asked(), "status": {}})
    said = approval(asked())
    assert not is_pending({**asked(), "status": said["status"]})
    assert (said["metadata"]["resourceVersion"], said["status"]["conditions"][0]["type"]) == ("7", "Approved")
