"""Field tables of the upstream kinds (generated), and how a document is compared with them."""
