"""What the machine's own services read: kubelet, containerd, registry logins, units of a host."""
