"""Stage an import: turn whatever it was given into row files and contents, and check all of it."""

from waybill.domain import import_keys
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.catalog import Catalog
from waybill.domain.errors import InputRefused
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts
from waybill.domain.import_limits import ImportLimits
from waybill.domain.import_options import ImportInput, InputKind
from waybill.intake.group import Manifest, Verifier
from waybill.intake.members import Limits
from waybill.intake.staged_inputs import StagedInputs
from waybill.ports import Budget, Clock, ImportStore, InputsClient, ObjectStore, UploadStore
from waybill.services.arrange_inputs import arrange_inputs, manifest_of
from waybill.services.gather_inputs import gather_inputs
from waybill.services.making_import import making_import
from waybill.services.read_inputs import InputsReader
from waybill.services.row_files import ROW_FILE
from waybill.services.staging_state import Reading, Staging, Wanted
from waybill.services.work_files import load_if_there, save

MOST_STALLS = 2
"""Calls in a row that may get nowhere before the input that holds them up is refused."""


def stage_import(
    tenant: str,
    import_id: str,
    *,
    imports: ImportStore,
    catalog: Catalog,
    archives: ObjectStore,
    uploads: UploadStore,
    inputs_client: InputsClient,
    verifier: Verifier | None,
    budget: Budget,
    clock: Clock,
    limits: ImportLimits,
    row_file_size: int = ROW_FILE,
) -> bool:
    """Stage as much as the budget allows. Return whether all is staged, else call it again. Safe to repeat.

    When it is done the bucket has the row files, the contents and their book, and what the inputs turned out to be
    (``import_keys``); every digest was checked, and the signature, if one is among the inputs. Raises InputRefused if
    an input, or all of them together, cannot be taken; the job says then how many rows were found before that. Rows
    before the place where a file of them breaks off are staged all the same, for their verdicts: whoever judges them
    refuses the import then (``StagedInputs.refusal``).
    """
    with making_import(tenant, import_id, imports=imports, archives=archives, clock=clock) as job:
        if load_if_there(archives, import_keys.inputs(import_id), StagedInputs) is not None:
            return True
        state = load_if_there(archives, import_keys.staging(import_id), Staging) or _beginning(job)
        before = _place(state)
        try:
            staged = None
            if gather_inputs(
                state,
                job,
                limits=limits,
                archives=archives,
                uploads=uploads,
                client=inputs_client,
                budget=budget,
                clock=clock,
            ):
                manifest = _arranged(state, job, catalog, limits=limits, archives=archives, verifier=verifier)
                with InputsReader(
                    state,
                    job,
                    manifest=manifest,
                    catalog=catalog,
                    limits=limits,
                    archives=archives,
                    budget=budget,
                    row_file_size=row_file_size,
                ) as reader:
                    staged = reader.finish() if reader.run() else None
                    reader.settle()
            if staged is None:
                _check_stall(state, before)
        except InputRefused:
            imports.replace(job.changed(phase=ImportPhase.STAGE, counts=_counts(state)))
            raise
        if staged is None:
            save(archives, import_keys.staging(import_id), state)
            return False
        imports.replace(job.changed(phase=ImportPhase.VALIDATE, counts=_counts(state), partial=_is_partial(staged)))
        save(archives, import_keys.inputs(import_id), staged)
        return True


def _is_partial(staged: StagedInputs) -> bool:
    """Whether what is there of inputs that are not whole is to be written."""
    return not staged.whole and staged.refusal is None


def _beginning(job: ImportJob) -> Staging:
    return Staging([_wanted(each, job.id) for each in job.options.inputs])


def _wanted(named: ImportInput, import_id: str) -> Wanted:
    if named.kind is InputKind.UPLOAD:
        return Wanted(upload=named.reference)
    if named.kind is InputKind.REQUEST:
        return Wanted(key=import_keys.request_file(import_id), name=named.name)
    return Wanted(url=named.reference)


def _arranged(
    state: Staging,
    job: ImportJob,
    catalog: Catalog,
    *,
    limits: ImportLimits,
    archives: ObjectStore,
    verifier: Verifier | None,
) -> Manifest | None:
    """Bring the inputs into their order, if that is not done yet. Return the manifest, if one is among them."""
    if not state.arranged:
        arranged = arrange_inputs(
            state.stored,
            doctype=job.options.doctype,
            known=catalog.doctypes,
            limits=Limits(total=limits.unpacked_bytes, member=limits.unpacked_bytes),
            archives=archives,
        )
        state.stored, state.manifest, state.signature = list(arranged.inputs), arranged.manifest, arranged.signature
        state.arranged = True
    if state.manifest is None:
        return None
    manifest = manifest_of(state.manifest, state.signature, verifier, archives)
    state.signed = state.signature is not None
    return manifest


def _counts(state: Staging) -> RowCounts:
    """Return what came in so far."""
    reading = state.reading or Reading()
    return RowCounts(
        rows=state.rows + reading.count, files=state.contents, file_bytes=state.file_bytes + reading.file_bytes
    )


def _place(state: Staging) -> tuple[object, ...]:
    """Return what changes as soon as a call gets anywhere."""
    reading = state.reading or Reading()
    fetched = state.fetching.offset if state.fetching is not None else 0
    at = (reading.resume.offset, reading.count, reading.hashed, reading.payload, reading.rows)
    return (len(state.stored), fetched, state.arranged, state.turn, *at)


def _check_stall(state: Staging, before: tuple[object, ...]) -> None:
    """Count a call that got nowhere. Raises InputRefused if it was not the first in a row."""
    state.stalls = state.stalls + 1 if _place(state) == before else 0
    if state.stalls < MOST_STALLS:
        return
    if state.wanted:
        sentence = "The server does not let a download be taken up again, and it takes longer than a step may run."
        raise InputRefused(sentence, ArrivalCode.URL_TOO_SLOW)
    sentence = (
        f"Input {state.turn + 1} takes longer to read than a step may run. Export with a smaller parts_size, or unpack "
        "it and import its records alone."
    )
    raise InputRefused(sentence, ArrivalCode.INPUT_TOO_LARGE)
