"""Waybill's command line, for people who hold an export."""
