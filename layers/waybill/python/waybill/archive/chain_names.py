"""What the lists in an archive of a chain are called (``chain_lists`` writes them, ``rebuild`` reads them)."""

LISTS = "data/chain"
KEYS, DELETED, FILES = "keys", "deleted", "files"
