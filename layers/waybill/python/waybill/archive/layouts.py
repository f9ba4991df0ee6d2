"""Where each layout is found."""

from collections.abc import Mapping

from waybill.archive.bag_layout import BagLayout
from waybill.archive.cozy_layout import CozyLayout
from waybill.archive.layout import ArchiveLayout, Layout
from waybill.archive.plain_layout import PlainLayout
from waybill.domain.options import COZY, PLAIN

_ARCHIVES: Mapping[str, ArchiveLayout] = {"bag": BagLayout(), COZY: CozyLayout()}
_LAYOUTS: Mapping[str, Layout] = {**_ARCHIVES, PLAIN: PlainLayout()}


def layout_of(name: str) -> Layout:
    """Return the layout that ``domain.options.LAYOUTS`` names."""
    return _LAYOUTS[name]


def archive_layout_of(name: str) -> ArchiveLayout:
    """Return the layout, which is one of archives."""
    return _ARCHIVES[name]
