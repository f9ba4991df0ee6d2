"""What every Signer promises, held against the one in memory and the one on KMS."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.contract.conftest import REGION, boto, credentials
from tests.contract.faulty_server import FaultyServer, answer
from tests.fakes import MemorySigner

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.kms_signer import KmsSigner
from waybill.domain.errors import StorageUnavailable
from waybill.ports import Signer

TEXT = "The manifest, with ümlauts.\n".encode()
DIGEST = hashlib.sha256(TEXT).digest()


def client(endpoint: str, backoff: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "kms",
        "TrentService",
        endpoint=endpoint,
        region=REGION,
        json_version="1.1",
        credentials=credentials,
        backoff=backoff,
    )


def new_key(endpoint: str, spec: str = "ECC_NIST_P256") -> str:
    created = boto("kms", endpoint).create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    return str(created["KeyMetadata"]["Arn"])


@dataclass(frozen=True)
class Case:
    """A signer, and the text that its signature of DIGEST is for."""

    signer: Signer
    text: bytes


@pytest.fixture(params=["memory", "kms"])
def case(request: pytest.FixtureRequest, moto_endpoint: str, impatient: Backoff) -> Case:
    if request.param == "memory":
        return Case(MemorySigner(), TEXT)
    # moto takes a digest for a text and hashes it again; tests/e2e/test_trust.py has a KMS that does not.
    return Case(KmsSigner(client(moto_endpoint, impatient), new_key(moto_endpoint)), DIGEST)


def public_key(signer: Signer) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(signer.public_key_pem())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def test_a_signature_fits_what_was_signed_and_nothing_else(case: Case) -> None:
    signature = case.signer.sign(DIGEST)

    public_key(case.signer).verify(signature, case.text, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public_key(case.signer).verify(signature, case.text + b" ", ec.ECDSA(hashes.SHA256()))


def test_every_signature_for_one_digest_is_good(case: Case) -> None:
    for signature in (case.signer.sign(DIGEST), case.signer.sign(DIGEST)):
        public_key(case.signer).verify(signature, case.text, ec.ECDSA(hashes.SHA256()))


def test_the_key_is_on_p256_and_stays_the_same(case: Case) -> None:
    assert public_key(case.signer).curve.name == "secp256r1"
    assert case.signer.public_key_pem() == case.signer.public_key_pem()


def test_openssl_takes_both(case: Case, tmp_path: Path) -> None:
    (tmp_path / "waybill.pem").write_bytes(case.signer.public_key_pem())
    (tmp_path / "manifest.json.sig").write_bytes(case.signer.sign(DIGEST))
    check = ["openssl", "dgst", "-sha256", "-verify", "waybill.pem", "-signature", "manifest.json.sig"]

    good = subprocess.run(check, input=case.text, cwd=tmp_path, check=True, capture_output=True)
    assert good.stdout == b"Verified OK\n"
    assert subprocess.run(check, input=case.text[1:], cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_a_key_that_is_not_there_is_an_error_in_plain_words(moto_endpoint: str, impatient: Backoff) -> None:
    signer = KmsSigner(client(moto_endpoint, impatient), "00000000-0000-0000-0000-000000000000")

    with pytest.raises(StorageUnavailable, match=r"signing key .* KMS refused Sign \(NotFoundException\)"):
        signer.sign(DIGEST)


def test_the_key_is_fetched_once_and_in_json_1_1(impatient: Backoff) -> None:
    with FaultyServer([answer(200, b'{"PublicKey": "AAECAw=="}')]) as server:
        signer = KmsSigner(client(server.url, impatient), "key")
        pem = signer.public_key_pem()

        assert signer.public_key_pem() is pem
        (asked,) = server.requests
    assert pem == b"-----BEGIN PUBLIC KEY-----\nAAECAw==\n-----END PUBLIC KEY-----\n"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert asked.headers["x-amz-target"] == "TrentService.GetPublicKey"
