"""The state machine waits for a source, and nobody's time is used meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.workflow.conftest import Stack
from tests.workflow.test_export_workflow import contact, history, keys_of, manifest, part_digests, put_records, run

from waybill.domain.catalog import Catalog
from waybill.domain.errors import SourceNotReady
from waybill.domain.job import ExportState
from waybill.entry.bootstrap import Wiring
from waybill.ports import SourceItem, Sources, Staging

CONTACTS, TODOS = "io.cozy.contacts", "io.cozy.todos"


class SlowSource:
    """A source that is not ready the first times that it is read."""

    def __init__(self, source: Any, times: list[int]) -> None:
        self._source = source
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, **asked: Any) -> Iterator[SourceItem]:
        if self._times:
            raise SourceNotReady("The to-dos are not made yet.", seconds=self._times.pop(0))
        yield from self._source.read(**asked)


class SlowSources:
    """Sources of which that of the to-dos is slow."""

    def __init__(self, sources: Sources, times: list[int]) -> None:
        self._sources = sources
        self._times = times

    def of(self, doctype: str) -> Any:
        source = self._sources.of(doctype)
        return SlowSource(source, self._times) if doctype == TODOS else source


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seconds of every Wait that the state machine has come to; the tests do not sit through them."""
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function  # noqa: PLC0415

    seen: list[int] = []
    monkeypatch.setattr(
        wait_function.WaitFunction, "_wait_interval", lambda self, env, wait_seconds: seen.append(wait_seconds)
    )
    return seen


def slow(monkeypatch: pytest.MonkeyPatch, *times: int) -> None:
    sources, left = Wiring.sources, list(times)

    def slowed(self: Wiring, catalog: Catalog, staging: Staging | None = None) -> Sources:
        return SlowSources(sources(self, catalog, staging), left)

    monkeypatch.setattr(Wiring, "sources", slowed)


def test_a_source_that_is_not_ready_is_waited_for_and_the_rest_is_read_meanwhile(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    put_records(stack, CONTACTS, {"ada": contact("ada")})
    put_records(stack, TODOS, {"one": "{}", "two": "{}"})
    undisturbed = run(stack)
    stack.steps.calls.clear()
    slow(monkeypatch, 8_000, 20_000)

    job = run(stack)

    assert (job.state, job.gaps) == (ExportState.DONE, 0)
    first, second = pauses  # a quarter longer than asked for, so that other shards need no rounds of their own
    assert 9_000 < first <= 10_000
    assert 22_000 < second <= 25_000
    assert stack.steps.calls.count("ReadChunk") == 3
    entered = history(stack, job)
    assert [name for name in entered if name in {"ReadShards", "WaitForSources"}] == [
        "ReadShards",
        "WaitForSources",
        "ReadShards",
        "WaitForSources",
        "ReadShards",
    ]
    assert manifest(stack, job)["doctypes"][TODOS]["written"] == 2
    assert part_digests(stack, job) == part_digests(stack, undisturbed)
    assert not [key for key in keys_of(stack, job) if "/work/" in key]


def test_who_wants_another_call_gets_it_without_a_pause(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    put_records(stack, TODOS, {"one": "{}"})
    slow(monkeypatch, 0)

    job = run(stack)

    assert job.state is ExportState.DONE
    assert pauses == []
    assert "WaitForSources" not in history(stack, job)
