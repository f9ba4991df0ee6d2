"""Reads a chat on Qiscus by its REST exports."""
