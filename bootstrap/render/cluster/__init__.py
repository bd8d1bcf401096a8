"""API objects that make the cluster kubeadm's: configuration, tokens, roles, uploads."""
