"""The figures. Each is a function from a Bench to a Result, and is called as the figure is."""

from collections.abc import Callable, Mapping

from bench.context import Bench
from bench.figures.api_latency import api_latency_hidden
from bench.figures.cold_import import (
    cold_import_of_create_export,
    cold_import_of_get_export,
    cold_import_of_worker,
)
from bench.figures.cost import cost_per_1000_exports, cost_per_1000_small_exports
from bench.figures.dynamodb_pages import ndjson_from_attributes, ndjson_from_text_records
from bench.figures.imports import (
    import_memory_by_rows,
    import_memory_growth_by_rows,
    import_rows_per_cpu_second,
)
from bench.figures.large_files import (
    bytes_through_us_per_large_file_tar,
    bytes_through_us_per_large_file_zip,
    put_requests_per_large_file_tar,
    put_requests_per_large_file_zip,
)
from bench.figures.many_objects import (
    cpu_per_small_object,
    mb_per_cpu_second_1mb_json,
    requests_per_1000_small_objects,
    small_objects_per_second,
)
from bench.figures.postgres import (
    postgres_reader_memory,
    postgres_reader_memory_growth,
    postgres_table_to_ndjson,
)
from bench.figures.transitions import state_transitions_per_export
from bench.figures.worker_memory import (
    worker_memory_by_input,
    worker_memory_by_parts_size,
    worker_memory_by_records,
    worker_memory_growth_by_input,
    worker_memory_growth_by_parts_size,
    worker_memory_growth_by_records,
)
from bench.report import Result

FIGURES: Mapping[str, Callable[[Bench], Result]] = {
    figure.__name__: figure
    for figure in (
        cpu_per_small_object,
        small_objects_per_second,
        mb_per_cpu_second_1mb_json,
        requests_per_1000_small_objects,
        put_requests_per_large_file_tar,
        put_requests_per_large_file_zip,
        bytes_through_us_per_large_file_tar,
        bytes_through_us_per_large_file_zip,
        ndjson_from_text_records,
        ndjson_from_attributes,
        postgres_table_to_ndjson,
        postgres_reader_memory,
        postgres_reader_memory_growth,
        worker_memory_by_records,
        worker_memory_growth_by_records,
        worker_memory_by_parts_size,
        worker_memory_growth_by_parts_size,
        worker_memory_by_input,
        worker_memory_growth_by_input,
        api_latency_hidden,
        import_rows_per_cpu_second,
        import_memory_by_rows,
        import_memory_growth_by_rows,
        state_transitions_per_export,
        cost_per_1000_exports,
        cost_per_1000_small_exports,
        cold_import_of_worker,
        cold_import_of_get_export,
        cold_import_of_create_export,
    )
}
"""All figures by name, in the order in which they are measured and printed."""
