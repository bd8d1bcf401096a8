"""L1: configuration in, one complete `ClusterConfig` out. Pure functions: no file, clock or network is touched.

documents = load(text)                         # what the file says, and what is wrong with its form
config = resolve(documents, overrides, facts)  # flags, defaults, rules; every problem in one error
"""

from bootstrap.config.defaults import defaults_yaml
from bootstrap.config.difference import difference
from bootstrap.config.documents import dump, to_cluster_configuration, to_init_configuration
from bootstrap.config.loader import Documents, load
from bootstrap.config.overrides import Overrides
from bootstrap.config.resolve import anywhere, gives_address, resolve, unused_settings, validate
from bootstrap.config.stored import read_cluster_configuration, read_stored, to_stored

__all__ = [
    "Documents",
    "Overrides",
    "anywhere",
    "defaults_yaml",
    "difference",
    "dump",
    "gives_address",
    "load",
    "read_cluster_configuration",
    "read_stored",
    "resolve",
    "to_cluster_configuration",
    "to_init_configuration",
    "to_stored",
    "unused_settings",
    "validate",
]
