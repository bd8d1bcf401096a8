"""L1: configuration in, bytes out. Pure functions: no file, clock or network is touched."""
