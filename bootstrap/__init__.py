"""One container image that makes Kubernetes clusters."""
