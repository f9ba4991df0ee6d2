"""What an export costs on AWS, from counted calls and the price table, against the same job on boto3's defaults."""

import statistics
from dataclasses import replace

from bench.context import Bench
from bench.cost_run import Export, Exports, small_exports, usual_exports
from bench.deployed import VCPU_MIB
from bench.report import Result
from waybill.domain.prices import EGRESS_GB, STORAGE_GB_MONTH

_TARGET = 0.4
_EXPORTS = 1_000
_DAYS_KEPT = 7
_BOTO3 = "boto3 on its defaults"
_HOW = (
    "Calls are counted, S3's by a proxy in a run of its own; medians of time. Every call of a function is a fresh "
    "process, so a cold start. Its time is what the process took here, or would take with the share of a processor "
    "that its memory gives, if that is longer; S3 and DynamoDB on loopback answer in milliseconds, where AWS takes "
    f"10 to 100. The peer is one function of {VCPU_MIB} MiB. Its user sends two requests, ours asks twice more how "
    "the export stands."
)


def cost_per_1000_exports(bench: Bench) -> Result:
    """Dollars for requests and computing of ours over those of the job on boto3's defaults."""
    return _result("cost_per_1000_exports", bench.once(usual_exports))


def cost_per_1000_small_exports(bench: Bench) -> Result:
    """The same for exports of little data."""
    return _result("cost_per_1000_small_exports", bench.once(small_exports))


def _result(figure: str, made: Exports) -> Result:
    ours, theirs = _median(made.ours), _median(made.theirs)
    data = f"{made.profile.records:,} records and {made.profile.files} files, {made.bytes / 1e6:.0f} MB"
    note = (
        f"Dollars for {_EXPORTS:,} exports of {data}, "
        f"ours over the peer's. Ours: {_told(ours)}. {_BOTO3}: {_told(theirs)}. {_HOW} Not in the sum, as only the "
        f"archive's size counts: download and {_DAYS_KEPT} days of storage, ours {_passive(ours)}, the peer "
        f"{_passive(theirs)}."
    )
    runs = [mine.usage.total / its.usage.total for mine, its in zip(made.ours, made.theirs, strict=True)]
    return Result(
        figure=figure,
        unit="ratio",
        ours=ours.usage.total / theirs.usage.total,
        target=_TARGET,
        better="lower",
        runs=runs,
        peers={_BOTO3: 1.0},
        note=note,
    )


def _median(made: list[Export]) -> Export:
    """Return the last export, with the median of all for its time; the calls are the same in all."""
    last = made[-1]
    seconds = statistics.median(export.usage.functions.gb_seconds for export in made)
    return replace(last, usage=replace(last.usage, functions=replace(last.usage.functions, gb_seconds=seconds)))


def _told(export: Export) -> str:
    usage = export.usage
    parts = ", ".join(f"{name} {cost * _EXPORTS:.3f}" for name, cost in usage.costs().items() if cost)
    return (
        f"${usage.total * _EXPORTS:.3f} ({parts}), that is {usage.api_requests} API requests, "
        f"{usage.functions.invocations} invocations, {usage.functions.gb_seconds:.1f} GB-s, {usage.transitions} state "
        f"transitions, {usage.read_units:.0f} read and {usage.write_units:.0f} write units, {usage.s3_puts} PUT class, "
        f"{usage.s3_gets} GET"
    )


def _passive(export: Export) -> str:
    gigabytes = export.size / 1e9 * _EXPORTS
    return f"${gigabytes * EGRESS_GB:.2f} and ${gigabytes * STORAGE_GB_MONTH * _DAYS_KEPT / 30:.2f}"
