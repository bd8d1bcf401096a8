"""References of container images: `registry/repository:tag@digest`, as the distribution project's grammar has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bootstrap.model.images.oci import DIGEST

DOCKER_HUB = "docker.io"
DOCKER_HUB_SERVER = "registry-1.docker.io"
"""The host that answers for docker.io."""
_HUB_ALIASES = ("index.docker.io", DOCKER_HUB_SERVER)
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Reference:
    """One image: `repository` is without its registry; `tag` or `digest` may be empty, not both."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository: what stays the same for every version."""
        return f"{self.registry}/{self.repository}"

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest where there is one, since it cannot be moved, else the tag."""
        return self.digest or self.tag

    @property
    def tagged(self) -> Reference:
        """The same without its digest where it has a tag: the name under which a Pod asks for it."""
        return replace(self, digest="") if self.tag else self

    def under(self, digest: str) -> Reference:
        """The image by its digest alone: how a runtime looks it up for a Pod that names a digest, with a tag or not."""
        return Reference(self.registry, self.repository, digest=digest)

    def means(self, name: Reference, digest: str) -> bool:
        """Whether what is known as `name` and has `digest` is what this asks for: a digest that it names decides."""
        return self.name == name.name and (self.digest == digest if self.digest else self.tag == name.tag)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """`pause` → `docker.io/library/pause:latest`; raises ValueError with what is wrong."""
    rest, _, digest = text.partition("@")
    if "@" in text and not DIGEST.fullmatch(digest):
        raise ValueError(f'"{digest[:80]}" is not a digest: it must be sha256: and 64 hexadecimal digits')
    head, _, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f'"{tag[:80]}" is not a tag: letters, digits, "_", "." and "-", at most 128')
    registry, repository = _split(f"{head}/{last}" if head else last)
    if not _REPOSITORY.fullmatch(repository) or len(f"{registry}/{repository}") > _LONGEST_NAME:
        raise ValueError(f'"{repository[:80]}" is not the name of a repository: lower-case words, split by "/"')
    return Reference(registry, repository, tag or ("" if digest else "latest"), digest)


def node_names(image: Reference, digest: str) -> tuple[str, ...]:
    """Under which names a node has an image: by its tag, and by its digest, since Pods may name it either way."""
    return tuple(dict.fromkeys((str(image.tagged), str(image.under(digest)))))


def parse_registry(text: str) -> str:
    """`HOST[:PORT]`, docker.io under its one name; raises ValueError."""
    if not _REGISTRY.fullmatch(text):
        raise ValueError(f'"{text[:80]}" is not a registry: HOST or HOST:PORT')
    return DOCKER_HUB if text in _HUB_ALIASES else text


def is_repository(text: str) -> bool:
    """Whether a text can stand between a registry and a tag."""
    return bool(_REPOSITORY.fullmatch(text))


def _split(name: str) -> tuple[str, str]:
    """The first word is a registry if it cannot be anything else: it has a dot or a port, or is `localhost`."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry = parse_registry(first)
        return registry, f"library/{rest}" if registry == DOCKER_HUB and "/" not in rest else rest
    return DOCKER_HUB, name if slash else f"library/{name}"


def version_of(image: str) -> str:
    """What its tag says, where `_` stands for `+`; empty without one."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2].replace("_", "+")
