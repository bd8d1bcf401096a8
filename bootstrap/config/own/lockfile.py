"""The lock file: `apiVersion: bootstrap/v1alpha1`, `kind: ImageLock`, digests by image and platform."""

from __future__ import annotations

from typing import Any

from bootstrap.formats import yaml_reader
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.lock import Lock, LockedImage, LockedPlatform
from bootstrap.model.images.oci import DIGEST
from bootstrap.model.images.reference import parse_reference

KIND = {"apiVersion": "bootstrap/v1alpha1", "kind": "ImageLock"}


def parse_lock(text: bytes) -> Lock:
    """Raises BootstrapError (exit 9): a lock that is not understood proves nothing."""
    try:
        values = yaml_reader.parse(text)
        if len(values) != 1 or {k: values[0][k] for k in KIND} != KIND or set(values[0]) != {*KIND, "images"}:
            raise ValueError(f"it is not one document with {KIND} and images")
        return {str(parse_reference(name)): _image(name, entry) for name, entry in values[0]["images"].items()}
    except yaml_reader.UnreadableError as e:
        raise _refused(str(e.problem)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise _refused(str(e)) from None


def lock_text(lock: Lock) -> str:
    """A lock as its file, images and platforms sorted."""
    return to_yaml(lock_document(lock))


def lock_document(lock: Lock) -> dict[str, Any]:
    images = {
        name: {
            "digest": image.digest,
            "platforms": {
                platform: {"manifest": digests.manifest, "config": digests.config}
                for platform, digests in image.platforms.items()
            },
        }
        for name, image in lock.items()
    }
    return {**KIND, "images": images}


def _image(name: str, entry: Any) -> LockedImage:
    platforms = {
        str(platform): LockedPlatform(_digest(name, digests, "manifest"), _digest(name, digests, "config"))
        for platform, digests in entry["platforms"].items()
    }
    return LockedImage(_digest(name, entry, "digest"), platforms)


def _digest(name: str, entry: Any, key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise ValueError(f"{name}: {key} is not a sha256 digest")
    return value


def _refused(why: str) -> BootstrapError:
    return BootstrapError(
        "the lock file is not one", code=Exit.IMAGE, why=why, fix="make it with: bootstrap images lock --file FILE"
    )
