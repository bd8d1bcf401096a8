"""`upgrade`: another version for a machine of a cluster, and the way back."""
