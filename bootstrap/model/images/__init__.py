"""Images as data: references, platforms, digests, mirrors, locks, bundles."""
