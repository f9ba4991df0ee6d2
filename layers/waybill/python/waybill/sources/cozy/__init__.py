"""Reads an export of a Cozy by its link."""
