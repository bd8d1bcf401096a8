"""Which Kubernetes this program installs.

An image of another minor of the catalog has that minor's values here (scripts/build_image.py).
"""

KUBERNETES_MINOR = "1.37"
KUBERNETES_VERSION = "v1.37.0"
"""The upstream version that this program installs."""
BUILT_VERSION = "v1.37.0+bootstrap.1"
"""The version our own builds report; `+` becomes `_` in an image tag."""
