"""The systems that a catalog may name. Each is loaded when a catalog names it, because no other function needs it."""

from collections.abc import Callable, Mapping

from waybill.sources.system import System


def _os2iot() -> System:
    from waybill.sources.os2iot import OS2IOT  # noqa: PLC0415 - see above

    return OS2IOT


def _uforge() -> System:
    from waybill.sources.uforge import UFORGE  # noqa: PLC0415

    return UFORGE


def _cozy() -> System:
    from waybill.sources.cozy import COZY  # noqa: PLC0415

    return COZY


def _qiscus() -> System:
    from waybill.sources.qiscus import QISCUS  # noqa: PLC0415

    return QISCUS


SYSTEMS: Mapping[str, Callable[[], System]] = {"os2iot": _os2iot, "uforge": _uforge, "cozy": _cozy, "qiscus": _qiscus}
"""By the ``kind`` of a source."""
