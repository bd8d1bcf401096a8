"""OCI registries: asked, logged in to, pulled from."""
