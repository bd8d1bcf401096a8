"""Throwaway clusters: the order in which their containers are made, watched, changed and removed."""
