"""Our own document, `bootstrap/v1alpha1` BootstrapConfiguration: what kubeadm has no field for."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bootstrap.config.schema import unknown_field
from bootstrap.model.cluster import Extension
from bootstrap.model.errors import Problem


class BootstrapConfiguration(BaseModel):
    """The document's fields, as written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    cni: Literal["flannel", "none"] = Field(
        "flannel", description="The Pod network that is installed; `none` leaves it to you."
    )
    hardening: bool = Field(True, description="`false` leaves out the flags of docs/explanation/hardening.md.")
    workloadsOnControlPlane: bool | None = Field(
        None, description="Whether Pods may run on this node; `null`: yes in node mode, no on a host."
    )
    extraSANs: list[str] = Field(
        default_factory=list, description="Further names and addresses in the API server's certificate."
    )


def parse(document: dict[str, Any]) -> tuple[Extension, list[Problem]]:
    """The document as the model's value, and what is wrong with it (fields that are wrong get their default)."""
    body = {k: v for k, v in document.items() if k not in ("apiVersion", "kind")}
    problems: list[Problem] = []
    try:
        own = BootstrapConfiguration.model_validate(body)
    except ValidationError as error:
        for found in error.errors():
            problems.append(_problem(found["type"], [str(p) for p in found["loc"]], found["msg"]))
            body.pop(str(found["loc"][0]), None)
        own = BootstrapConfiguration.model_validate(body)
    return Extension(own.cni, own.hardening, own.workloadsOnControlPlane, tuple(own.extraSANs)), problems


def _problem(error_type: str, path: list[str], message: str) -> Problem:
    if error_type == "extra_forbidden":
        message = unknown_field(path[-1], list(BootstrapConfiguration.model_fields))
    return Problem(".".join(["BootstrapConfiguration", *path]), message[:1].lower() + message[1:])
