"""Where an export's objects lie in the archives bucket. Keys hold the export's id and numbers, nothing personal."""

EXPORTS = "exports/"
"""Everything that any export has in the bucket."""


def prefix(export_id: str) -> str:
    """Everything that an export has in the bucket."""
    return f"{EXPORTS}{export_id}/"


def export_of(prefix: str) -> str:
    """The id of the export that has this prefix."""
    return prefix.removeprefix(EXPORTS).removesuffix("/")


def part(export_id: str, number: int, extension: str) -> str:
    """A downloadable part."""
    return f"{prefix(export_id)}parts/part-{number:05}.{extension}"


def manifest(export_id: str) -> str:
    """The manifest of a finished export."""
    return f"{prefix(export_id)}manifest.json"


def signature(export_id: str, manifest_sha256: str) -> str:
    """The signature of the manifest that has this SHA-256: no manifest can stand beside another's signature."""
    return f"{manifest(export_id)}.{manifest_sha256}.sig"


def pieces(export_id: str) -> str:
    """The digests of the parts' pieces, for the metalink."""
    return f"{prefix(export_id)}pieces.json"


def work(export_id: str) -> str:
    """Everything that is only needed until the export is finished."""
    return f"{prefix(export_id)}work/"


def catalog(export_id: str) -> str:
    """The doctypes of the export, as the catalog described them when it was planned."""
    return f"{work(export_id)}catalog.json"


def read_batches(export_id: str) -> str:
    """The list of read batches, as Distributed Map reads it."""
    return f"{work(export_id)}read-batches.json"


def read_batches_left(export_id: str) -> str:
    """The read batches that were not finished in the last round."""
    return f"{work(export_id)}read-batches-left.json"


def read_ledger(export_id: str) -> str:
    """What was read, counted by doctype, with the gaps found on the way."""
    return f"{work(export_id)}read-ledger.json"


def pack_batches_left(export_id: str) -> str:
    """The pack batches that were not finished in the last round."""
    return f"{work(export_id)}pack-batches-left.json"


def pack_batches(export_id: str) -> str:
    """The list of pack batches, as Distributed Map reads it."""
    return f"{work(export_id)}pack-batches.json"


def parts_header(export_id: str) -> str:
    """What all parts share."""
    return f"{work(export_id)}parts-header.json"


def pack_batch(export_id: str, number: int) -> str:
    """The plans of the parts of one pack batch."""
    return f"{work(export_id)}plan/{number:06}.json"


def shard(export_id: str, number: int) -> str:
    """Everything that was staged of one shard."""
    return f"{work(export_id)}staged/{number:05}/"


def staged(export_id: str, number: int, sequence: int) -> str:
    """What one flush of a shard left behind."""
    return f"{shard(export_id, number)}{sequence:06}.json"


def segment(export_id: str, number: int, sequence: int) -> str:
    """The packed entries of one flush of a shard."""
    return f"{work(export_id)}segments/{number:05}/{sequence:06}"


def planned_segment(export_id: str, number: int) -> str:
    """Packed entries that could be made only when all was read."""
    return f"{work(export_id)}segments/planned/{number:06}"


def packing(export_id: str, number: int) -> str:
    """Where the packing of a part that takes long stopped."""
    return f"{work(export_id)}packing/{number:06}.json"


def section(export_id: str, number: int, piece: int) -> str:
    """A run of what is written of a very large part, until the store has copied it there as this piece."""
    return f"{work(export_id)}sections/{number:06}/{piece:05}"


def packed(export_id: str) -> str:
    """The results of all packed parts."""
    return f"{work(export_id)}packed/"


def packed_part(export_id: str, number: int) -> str:
    """The result of one packed part."""
    return f"{packed(export_id)}{number:06}.json"


def increment(export_id: str) -> str:
    """What an export of a chain is to be: full, or what has changed."""
    return f"{work(export_id)}increment.json"


def baseline_pieces(export_id: str) -> str:
    """The list of the objects with rows that an export of a chain has left."""
    return f"{work(export_id)}baseline-pieces.json"


CHAINS = "chains/"
"""Everything that any chain of exports has in the bucket."""


def chain(key: str) -> str:
    """Everything that the runs of a chain leave for the next ones."""
    return f"{CHAINS}{key}/"


def chain_of(prefix: str) -> str:
    """The key of the chain that has this prefix."""
    return prefix.removeprefix(CHAINS).removesuffix("/")


def baselines_of(export_id: str, key: str) -> str:
    """Everything that one run of the chain ``key`` leaves for the next one."""
    return f"{chain(key)}{export_id}/"


def baseline(export_id: str, key: str) -> str:
    """The baseline of one run of a chain: the list of its rows' objects."""
    return f"{baselines_of(export_id, key)}baseline.json"


def baseline_rows(export_id: str, key: str, shard: int, sequence: int) -> str:
    """The rows of one flush of a shard."""
    return f"{baselines_of(export_id, key)}{shard:05}/{sequence:06}"


def kept_contents(export_id: str) -> str:
    """Everything that sources have fetched for an export."""
    return f"{work(export_id)}kept/"


def kept(export_id: str, name: str) -> str:
    """A content that a source has fetched, whole."""
    return f"{kept_contents(export_id)}{name}"


def note(export_id: str, name: str) -> str:
    """What a source noted for its next call."""
    return f"{work(export_id)}notes/{name}.json"


def waiting_shards(export_id: str) -> str:
    """The notes of all shards that wait for their source."""
    return f"{work(export_id)}waiting/"


def waiting_shard(export_id: str, number: int) -> str:
    """What a shard waits for, and until when."""
    return f"{waiting_shards(export_id)}{number:05}.json"


def rounds(export_id: str) -> str:
    """How often the batches were listed anew."""
    return f"{work(export_id)}rounds.json"


DEBTS = "debts/"
"""What sources have taken up in other systems. It outlives its export, so that it is given back in any case."""


def debts(export_id: str) -> str:
    """What an export owes to other systems."""
    return f"{DEBTS}{export_id}/"


def debtor_of(prefix: str) -> str:
    """The id of the export whose debts have this prefix."""
    return prefix.removeprefix(DEBTS).removesuffix("/")


def debts_of(export_id: str, doctype: str) -> str:
    """What the source of one doctype owes."""
    return f"{debts(export_id)}{doctype}/"


def debt(export_id: str, doctype: str, name: str) -> str:
    """One thing that the source of a doctype has taken up."""
    return f"{debts_of(export_id, doctype)}{name}.json"
