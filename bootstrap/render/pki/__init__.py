"""Certificates, keys, kubeconfigs."""
