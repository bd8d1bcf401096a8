"""Our own document, `bootstrap/v1alpha1` BootstrapConfiguration: what kubeadm has no field for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bootstrap.config.own.mirrors import MirrorsDocument, to_model
from bootstrap.config.own.other_mirrors import of_a_file
from bootstrap.config.schema.pydantic_errors import problems_of
from bootstrap.formats import yaml_reader
from bootstrap.model import names
from bootstrap.model.addon import BUILT_IN_CNI, NO_STORAGE
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.encryption import KMS, PROVIDERS, Encryption
from bootstrap.model.errors import BootstrapError, Problem, config_error
from bootstrap.model.images import mirrors as model
from bootstrap.model.virtual_address import DEFAULT_PRIORITY, VirtualAddress

_KIND = "BootstrapConfiguration"


class BundleDocument(BaseModel):
    """Whose bundles are taken."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    trustedKeys: list[str] = Field(
        default_factory=list,
        description="Public keys (PEM, as `bundle keygen` writes them) of those whose bundles are taken; "
        "`--trusted-key` adds to them.",
    )

    @field_validator("trustedKeys")
    @classmethod
    def _keys(cls, keys: list[str]) -> list[str]:
        """A key that is none is found when the file is read, not when a bundle comes."""
        from bootstrap.render.bundle.signature import key_id  # here: few files have keys, and cryptography takes long

        for key in keys:
            try:
                key_id(key.encode())
            except BootstrapError as e:
                raise ValueError(f"{e.what}: {e.why}") from e
        return keys


class VipDocument(BaseModel):
    """The control plane's own address."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    address: str = Field(description="The address: a free one of the network that the control planes share.")
    interface: str = Field(
        "", description="Where it is put, on all control planes; empty: the interface of each one's own address."
    )
    virtualRouterID: int = Field(
        0,
        description="Tells the VRRP routers of a network apart, 1 to 255; 0: the last byte of the address.",
    )
    unicastPeers: list[str] = Field(
        default_factory=list,
        description="Addresses of all control planes, those to come too, for networks that carry no multicast.",
    )
    passwordFile: str = Field(
        "",
        description="A file on each control plane with a password of up to 8 characters that all of them send. "
        "IPv4 only; a dead holder is replaced in 4 s then instead of 2 s.",
    )
    priorities: dict[str, int] = Field(
        default_factory=dict,
        description=f"Node: priority, 1 to 254, of those that are to be preferred ({DEFAULT_PRIORITY} has everybody). "
        "Nobody who holds the address loses it to a higher priority.",
    )


class EncryptionDocument(BaseModel):
    """Secrets at rest."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    provider: str = Field(description=f"Who encrypts: {', '.join(PROVIDERS)}; see docs/how-to/encryption.md.")
    endpoint: str = Field("", description=f"The plugin's socket (`unix:///…`), with {KMS} only.")


class BootstrapConfiguration(BaseModel):
    """The document's fields, as written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    cni: str = Field(
        BUILT_IN_CNI,
        description="The Pod network that is installed: `flannel`, a manifest (as in `addons`), or `none`: yours.",
    )
    addons: list[str] = Field(
        default_factory=list,
        description="Manifests to install: recipes' names, `/PATH` or `https://…`; see docs/how-to/addons.md.",
    )
    imagesInConfigMaps: bool = Field(False, description="Whether ConfigMaps of add-ons are searched for images too.")
    hardening: bool = Field(True, description="`false` leaves out the flags of docs/explanation/hardening.md.")
    workloadsOnControlPlane: bool | None = Field(
        None, description="Whether Pods may run on this node; `null`: yes in node mode, no on a host."
    )
    extraSANs: list[str] = Field(
        default_factory=list, description="Further names and addresses in the API server's certificate."
    )
    controlPlaneVIP: VipDocument | None = Field(
        None,
        description="An address of the API that the control planes hold in turn; [fields below](#controlplanevip).",
    )
    certificateRenewal: bool = Field(
        True, description="Whether a timer on each control plane renews its certificates before they end."
    )
    verifyKubelets: bool | None = Field(
        None,
        description="Whether kubelets ask for the certificates that they serve with, control planes approve those, and "
        "the API server verifies them; `null`: as the cluster has it, a new one with the CA's key yes.",
    )
    storage: str = Field(
        NO_STORAGE,
        description="`local-path`: a default StorageClass, `standard`, whose volumes are folders of the nodes; `none`.",
    )
    loadBalancerAddresses: list[str] = Field(
        default_factory=list,
        description="Ranges (`192.0.2.200-192.0.2.250`, `192.0.2.64/26`) in the nodes' network, free of others, that "
        "MetalLB gives to LoadBalancer Services; none: no MetalLB.",
    )
    encryption: EncryptionDocument | None = Field(
        None, description="Secrets are encrypted before etcd has them; [fields below](#encryption)."
    )
    etcdSnapshots: int = Field(
        0,
        description="How many daily snapshots of etcd each control plane keeps in "
        f"`{names.SNAPSHOTS_DIR}`; 0: none are taken.",
    )
    bundle: BundleDocument = Field(
        default_factory=lambda: BundleDocument.model_validate({}),
        description="Bundles of images; [fields below](#bundle).",
    )
    mirrors: MirrorsDocument = Field(
        default_factory=lambda: MirrorsDocument.model_validate({}),
        description="Where images come from; [fields below](#mirrors), or in a `--mirrors` file.",
    )


def parse(document: dict[str, Any]) -> tuple[BootstrapConfig, list[Problem]]:
    """The document as the model's value, and what is wrong with it (fields that are wrong get their default)."""
    body = {k: v for k, v in document.items() if k not in ("apiVersion", "kind")}
    problems: list[Problem] = []
    try:
        own = BootstrapConfiguration.model_validate(body)
    except ValidationError as error:
        problems += problems_of(error, BootstrapConfiguration, _KIND)
        wrong = {str(found["loc"][0]) for found in error.errors() if found["loc"]}
        own = BootstrapConfiguration.model_validate({k: v for k, v in body.items() if k not in wrong})
    model = BootstrapConfig(
        own.cni,
        own.hardening,
        own.workloadsOnControlPlane,
        tuple(own.extraSANs),
        to_model(own.mirrors),
        tuple(own.bundle.trustedKeys),
        tuple(own.addons),
        own.imagesInConfigMaps,
        VirtualAddress.of_document(own.controlPlaneVIP.model_dump()) if own.controlPlaneVIP else None,
        own.certificateRenewal,
        own.verifyKubelets,
        own.storage,
        tuple(own.loadBalancerAddresses),
        Encryption.of_document(own.encryption.model_dump()) if own.encryption else None,
        own.etcdSnapshots,
    )
    return model, problems


def load_mirrors(text: bytes) -> model.Mirrors:
    """A rule file: the fields of `mirrors` alone. Raises BootstrapError (exit 3) with all problems."""
    if advice := of_a_file(text):
        raise config_error((Problem("", advice),))
    try:
        values = yaml_reader.parse(text)
    except yaml_reader.UnreadableError as error:
        raise config_error((error.problem,)) from None
    if len(values) != 1 or not isinstance(values[0], dict):
        raise config_error((Problem("", "a rule file is one mapping with the fields of mirrors"),))
    try:
        return to_model(MirrorsDocument.model_validate(values[0]))
    except ValidationError as error:
        raise config_error(tuple(problems_of(error, MirrorsDocument, "mirrors"))) from None
