"""One certificate: what is wanted of it, signing it, and whether an existing one will do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootstrap.model.cluster import ClusterSpec
from bootstrap.render.addresses import as_ip
from bootstrap.render.pki.keys import PrivateKey, PublicKey, load_private, public_pem

warnings.filterwarnings("ignore", "Attribute's length must be")
"""The library's 64 characters for a common name are X.520's; a node's user is `system:node:` and a name of up to 63."""
CLOCK_SKEW = timedelta(minutes=5)
_USAGES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
_USAGE_NAMES = {oid: name for name, oid in _USAGES.items()}


@dataclass(frozen=True)
class CertSpec:
    """What a certificate must say; `usages` holds `client` and `server`."""

    common_name: str
    organizations: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    sans: tuple[str, ...] = ()
    is_ca: bool = False


@dataclass(frozen=True)
class CertificateInfo:
    """A certificate as people and tests want to see it; times are UTC."""

    common_name: str
    organizations: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    sans: tuple[str, ...]
    usages: tuple[str, ...]
    key_usages: tuple[str, ...]
    is_ca: bool
    key: str
    signature: str


@dataclass(frozen=True)
class Issuer:
    """A CA that can sign: its certificate and key; `bridge` (PEM) leads from it to one that it takes the place of."""

    certificate: x509.Certificate
    key: PrivateKey
    bridge: bytes = b""

    def pem(self, made: x509.Certificate) -> bytes:
        """What it has signed, so that also who trusts only the one before it believes it."""
        return certificate_pem(made) + self.bridge


def issuer_of(crt: bytes, key: bytes) -> Issuer:
    """Of a CA's file, which may hold others that are trusted too, the one that the key is of. Raises ValueError."""
    private = load_private(key)
    mine = [each for each in x509.load_pem_x509_certificates(crt) if same_key(each, private)]
    if not mine:
        raise ValueError("they do not belong together")
    itself = next((each for each in mine if signed_by(each, each)), mine[0])
    return Issuer(itself, private, b"".join(certificate_pem(each) for each in mine if each is not itself))


def build(
    spec: CertSpec, key: PrivateKey, issuer: Issuer | None, *, serial: int, now: datetime, lifetime: float
) -> x509.Certificate:
    """A certificate for `key`, signed by `issuer` or, for a root, by itself. Deterministic in its arguments."""
    subject = _name(spec)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(seconds=lifetime))
        .add_extension(_key_usage(spec.is_ca), critical=True)
    )
    if spec.usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(map(_usage, spec.usages))), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=spec.is_ca, path_length=None), critical=True)
    if spec.is_ca:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer:
        builder = builder.add_extension(_authority(issuer.certificate), critical=False)
    if spec.sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(spec.sans)), critical=False)
    deterministic = True if isinstance(signer, ec.EllipticCurvePrivateKey) else None
    return builder.sign(signer, _hash(signer), ecdsa_deterministic=deterministic)


def request(spec: CertSpec, key: PrivateKey) -> bytes:
    """A request (PEM) for somebody else's CA to sign: subject and names; usages are for the CA to give."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(spec))
    if spec.sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(spec.sans)), critical=False)
    return builder.sign(key, _hash(key)).public_bytes(serialization.Encoding.PEM)


def unfit(chain: list[x509.Certificate], spec: CertSpec, ca: x509.Certificate, now: datetime) -> str:
    """Why `chain` (leaf first, intermediates allowed) cannot serve as `spec` under `ca`; empty if it can.

    It may go on from there: to another one that signed `ca`.

    Names and key types are not compared, as in kubeadm: a certificate made elsewhere is the user's choice.
    """
    certificate, info = chain[0], describe(chain[0])
    if not leads_to(chain, ca):
        return f"it is not signed by {describe(ca).common_name}"
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        return f"it is valid from {info.not_before:%F %T} to {info.not_after:%F %T}"
    if missing := sorted(set(normal_sans(spec.sans)) - set(info.sans)):
        return f"it lacks {', '.join(missing)}"
    return ""


def leads_to(chain: list[x509.Certificate], ca: x509.Certificate) -> bool:
    """Whether `ca` signed one of `chain`, and each before that was signed by the next."""
    for lower, upper in zip_longest(chain, chain[1:]):
        if signed_by(lower, ca):
            return True
        if upper is None or not signed_by(lower, upper):
            return False
    return False


def unlike(info: CertificateInfo, spec: CertSpec, cluster: ClusterSpec) -> str:
    """How a certificate that will do is not as one that would be issued now; empty where it is."""
    if extra := sorted(set(info.sans) - set(normal_sans(spec.sans))):
        return f"it names {', '.join(extra)}"
    if info.key != cluster.encryption_algorithm:
        return f"its key is {info.key}"
    lifetime = (info.not_after - info.not_before - CLOCK_SKEW).total_seconds()
    return "it is valid for another time" if abs(lifetime - cluster.certificate_validity) > 1 else ""


def signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether `ca`'s key signed `certificate` under `ca`'s name."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def describe(certificate: x509.Certificate) -> CertificateInfo:
    """The fields of `certificate` that matter."""
    names: Any = _extension(certificate, x509.SubjectAlternativeName)
    usages: Any = _extension(certificate, x509.ExtendedKeyUsage)
    constraints: Any = _extension(certificate, x509.BasicConstraints)
    return CertificateInfo(
        common_name="".join(_all(certificate.subject, NameOID.COMMON_NAME)),
        organizations=_all(certificate.subject, NameOID.ORGANIZATION_NAME),
        issuer="".join(_all(certificate.issuer, NameOID.COMMON_NAME)),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sans=tuple(str(n.value) for n in names or ()),
        usages=tuple(_USAGE_NAMES.get(oid, oid.dotted_string) for oid in usages or ()),
        key_usages=_key_usage_names(certificate),
        is_ca=bool(constraints and constraints.ca),
        key=key_name(certificate.public_key()),
        signature=certificate.signature_algorithm_oid._name,
    )


def spec_of(certificate: x509.Certificate) -> CertSpec:
    """What another one has to say to take its place, as kubeadm copies it: subject, names, addresses and usages."""
    names: Any = _extension(certificate, x509.SubjectAlternativeName)
    info, kept = describe(certificate), [n for n in names or () if isinstance(n, x509.DNSName | x509.IPAddress)]
    return CertSpec(info.common_name, info.organizations, info.usages, tuple(str(n.value) for n in kept))


def certificate_info(pem: bytes) -> CertificateInfo:
    """The first certificate of `pem`, described."""
    return describe(x509.load_pem_x509_certificate(pem))


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """`certificate` as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def same_key(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Whether `certificate` is for `key`."""
    mine: Any = certificate.public_key()
    return public_pem(mine) == public_pem(key.public_key())


def key_name(key: PublicKey | Any) -> str:
    """`ECDSA-P256`, `RSA-2048`, …"""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA-P{key.curve.key_size}"
    return f"RSA-{key.key_size}"


def normal_sans(sans: tuple[str, ...]) -> tuple[str, ...]:
    """Without duplicates: names sorted, then addresses in their order and canonical form."""
    addresses = [str(ip) for ip in map(as_ip, sans) if ip]
    dns = sorted({s for s in sans if not as_ip(s)})
    return (*dns, *dict.fromkeys(addresses))


def _usage(name: str) -> x509.ObjectIdentifier:
    """By our name, or as the number that `describe` gives for others."""
    return _USAGES.get(name) or x509.ObjectIdentifier(name)


def _general_names(sans: tuple[str, ...]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for san in normal_sans(sans):
        address = as_ip(san)
        found.append(x509.IPAddress(address) if address else x509.DNSName(san))
    return found


def _name(spec: CertSpec) -> x509.Name:
    """All organizations in one part, as Go's library has it."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in spec.organizations]
    common = x509.NameAttribute(NameOID.COMMON_NAME, spec.common_name, _validate=False)
    parts = [groups, [common]] if groups else [[common]]
    return x509.Name([x509.RelativeDistinguishedName(part) for part in parts])


def _authority(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = _extension(ca, x509.SubjectKeyIdentifier)
    if isinstance(identifier, x509.SubjectKeyIdentifier):
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    key: Any = ca.public_key()
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=is_ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_usage_names(certificate: x509.Certificate) -> tuple[str, ...]:
    usage = _extension(certificate, x509.KeyUsage)
    known = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign", "data_encipherment")
    return tuple(name for name in known if getattr(usage, name, False))


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _all(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(a.value) for a in name.get_attributes_for_oid(oid))


def _hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    large = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256
    return hashes.SHA384() if large else hashes.SHA256()
