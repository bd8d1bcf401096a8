"""kubeadm's patch directory, and the three ways to patch."""
