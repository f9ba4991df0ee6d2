"""Waybill's own programs in the benchmarks. They call the product's code; nothing of it is done over here."""
