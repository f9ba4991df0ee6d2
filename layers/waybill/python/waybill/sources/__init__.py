"""The places that records and files are read from, one module a kind of source."""
