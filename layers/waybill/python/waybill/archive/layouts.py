"""Where each layout is found."""

from collections.abc import Mapping

from waybill.archive.bag_layout import BagLayout
from waybill.archive.cozy_layout import CozyLayout
from waybill.archive.layout import Layout

_LAYOUTS: Mapping[str, Layout] = {"bag": BagLayout(), "cozy": CozyLayout()}


def layout_of(name: str) -> Layout:
    """Return the layout that ``domain.options.LAYOUTS`` names."""
    return _LAYOUTS[name]
