"""Throwaway clusters of containers: which containers, with which names, addresses and configuration."""
