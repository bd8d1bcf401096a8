"""Add-ons: ours from manifests/, and those that others wrote."""
