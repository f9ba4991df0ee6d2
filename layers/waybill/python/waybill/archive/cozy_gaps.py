"""Records of a files index that the layout ``cozy`` leaves out, as lines of the ledger.

Cozy's importer takes every record of a files index that is not a directory's for that of a file, and whatever stands
behind it for the file's content (reference cozy-move, section 4). So a record without its file must not stand there.
"""

from dataclasses import replace

from waybill.domain.ledger import Gap, Outcome


def left_out_with_its_file(lost: Gap) -> Gap:
    """Return the line for the record of a file that cannot be had."""
    reason = "The record was left out with its file, because Cozy cannot import it alone."
    return replace(lost, kind="record", reason=reason)


def neither_file_nor_directory(doctype: str, name: str) -> Gap:
    """Return the line for a record that says of itself that it is something else."""
    return _gap(doctype, name, "not_a_file", "The record is of no file and no directory, so Cozy cannot import it.")


def _gap(doctype: str, name: str, code: str, reason: str) -> Gap:
    return Gap(doctype, "record", name, Outcome.FAILED, code, reason)
