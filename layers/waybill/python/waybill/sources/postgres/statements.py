"""The SQL that rows are read with.

COPY writes in its CSV format with two control characters for comma and quote. JSON text never holds these, so nothing
is escaped, and a row arrives as its key, its time and its line with one byte between them. Only a line that holds a
line end (between tokens of a value of type json) is put into quotes.
"""

from waybill.domain.postgres import MOST_RECORD_BYTES
from waybill.sources.postgres.keys import key_json, texts_of
from waybill.sources.postgres.relation import Relation
from waybill.sources.postgres.session import Session

SEPARATOR = b"\x01"
QUOTE = b"\x02"
BEGINNING = b"{"
_FORMAT = "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02', NULL '')"


def rows_between(session: Session, relation: Relation, low: str | None, high: str | None) -> str:
    """Return the COPY of the rows with keys in ``[low, high)``, in the order of their keys.

    A line is empty where it would have more than MOST_RECORD_BYTES: it stays in the server. The inner query is kept
    apart by its OFFSET, so that the server makes each line once.
    """
    columns = ", ".join(relation.columns)
    # row_to_json of a row without columns is no row at all
    line = "row_to_json(line_of_json.*)::text" if columns else "'{}'"
    beside = f" CROSS JOIN LATERAL (SELECT {columns}) AS line_of_json" if columns else ""
    order = ", ".join(column.expression for column in relation.key)
    inner = (
        f"SELECT {key_json(relation.key)} AS key, {_moment(relation)} AS moment, {line} AS line "
        f"FROM {relation.sql} AS record{beside}{_where(session, relation, low, high)} ORDER BY {order} OFFSET 0"
    )
    bounded = f"CASE WHEN octet_length(line) <= {MOST_RECORD_BYTES} THEN line END"
    return f"COPY (SELECT key, moment, {bounded} FROM ({inner}) AS rows) TO STDOUT {_FORMAT}"


def count(relation: Relation) -> str:
    """Return the query for the number of rows."""
    return f"SELECT count(*) FROM {relation.sql} AS record"


def every(relation: Relation, step: int) -> str:
    """Return the query for the keys that follow on every ``step`` rows."""
    order = ", ".join(column.expression for column in relation.key)
    numbered = (
        f"SELECT {key_json(relation.key)} AS key, row_number() OVER (ORDER BY {order}) - 1 AS place "
        f"FROM {relation.sql} AS record"
    )
    return f"SELECT key FROM ({numbered}) AS numbered WHERE place > 0 AND place % {step} = 0 ORDER BY place"


def without_key(relation: Relation) -> str:
    """Return the query for a row whose key is NULL."""
    missing = " OR ".join(f"record.{column.column} IS NULL" for column in relation.key)
    return f"SELECT 1 FROM {relation.sql} AS record WHERE {missing} LIMIT 1"


def estimate(relation: Relation) -> str:
    """Return the query for how many rows the server expects, which reads none."""
    return f"EXPLAIN (FORMAT JSON) SELECT * FROM {relation.sql} AS record"


def _moment(relation: Relation) -> str:
    """Return the SQL for whole Unix seconds; 0 for no moment that has any."""
    if not relation.moment:
        return "0"
    column = f"record.{relation.moment}::timestamptz"
    return f"CASE WHEN isfinite({column}) THEN floor(extract(epoch FROM {column}))::bigint ELSE 0 END"


def _where(session: Session, relation: Relation, low: str | None, high: str | None) -> str:
    conditions = [
        f"{_tuple([column.expression for column in relation.key])} {sign} {_bound(session, relation, bound)}"
        for sign, bound in ((">=", low), ("<", high))
        if bound is not None
    ]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _bound(session: Session, relation: Relation, key: str) -> str:
    pairs = zip(relation.key, texts_of(key), strict=True)
    return _tuple([column.value(session.literal(text)) for column, text in pairs])


def _tuple(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"ROW({', '.join(expressions)})"
