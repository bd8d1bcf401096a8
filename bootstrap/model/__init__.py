"""L0: frozen values that every other layer shares. No I/O, no imports from above."""
