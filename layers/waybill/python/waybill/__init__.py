"""Waybill: export, download, verify and import back a tenant's data."""
