"""Benchmarks: Waybill and its peers side by side, in one run, on one S3 server. ``make bench`` runs them all."""
