"""A Cozy: the export that one person has made there, read by its link. Facts are in the reference cozy-move.

Its doctypes are named as they are there. Which there are shows only when the parts are read, so a catalog names those
that it knows, and one more doctype that takes the documents of all others.
"""

from waybill.sources.cozy.system import COZY

__all__ = ["COZY"]
