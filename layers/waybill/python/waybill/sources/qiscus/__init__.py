"""A chat on Qiscus: its users, rooms and comments, read by its own REST exports (seed 003; source-systems, part C)."""

from waybill.sources.qiscus.system import QISCUS

__all__ = ["QISCUS"]
