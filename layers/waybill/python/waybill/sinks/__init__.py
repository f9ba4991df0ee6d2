"""Other systems as targets: what leaves one is put into another by that one's own API."""
