"""How large the inputs of an import may be."""

from dataclasses import dataclass

from waybill.domain.options import GIBIBYTE

UNPACKED_TIMES = 20
"""How many times the most bytes of an input one part may unpack to. Records of repetitive text shrink to a tenth."""

DEFAULT_INPUT_BYTES = 5 * GIBIBYTE
DEFAULT_UPLOADS = 200

MOST_INPUTS = 1_000
"""Inputs of one import, the parts that a Cozy link leads to included."""


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """``input_bytes`` is the most of one upload, or of what one URL gives; ``uploads`` how many a tenant may have."""

    input_bytes: int = DEFAULT_INPUT_BYTES
    uploads: int = DEFAULT_UPLOADS

    @property
    def unpacked_bytes(self) -> int:
        """The most bytes that a part may unpack to."""
        return UNPACKED_TIMES * self.input_bytes
