"""What the suites of clusters have is here too."""

from tests.host.conftest import app_image

__all__ = ["app_image"]
