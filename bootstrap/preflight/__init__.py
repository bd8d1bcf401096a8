"""L1: checks over host facts. Names are kubeadm's where kubeadm has the check."""
