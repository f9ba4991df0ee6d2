"""What the user of the stand-in has. The same every time."""

import gzip
import hashlib
import io
import tarfile
from typing import Any

CREATED = "2018-04-17T07:45:32.000Z"
CHANGED = "2019-02-03T04:05:06.000Z"

Record = dict[str, Any]


def base(number: int, kind: str) -> Record:
    """Fields that every object begins with."""
    digest = hashlib.sha1(f"{kind}/{number}".encode()).hexdigest()
    return {"created": CREATED, "dbId": number, "digest": digest, "lastModified": CHANGED}


def user(login: str) -> Record:
    """The user's own record."""
    return {
        **base(7, "user"),
        "loginName": login,
        "active": True,
        "email": f"{login}@example.org",
        "firstName": "Bob",
        "surname": "Ó Súilleabháin & Söhne",
        "admin": False,
        "apiKeysQuota": 10,
        "applianceUris": ("uri", []),
        "lang": "en",
        "password": "8f14e45fceea167a5a36dedd4bea2543",
        "roles": ("role", [{**base(1, "role"), "name": "designer", "entitlements": ("entitlement", [])}]),
        "sshKeys": ("sshKey", []),
        "uri": f"users/{login}",
    }


def appliance(login: str, number: int) -> Record:
    """An appliance with the account of its machine in it."""
    uri = f"users/{login}/appliances/{number}"
    return {
        **base(number, "appliance"),
        "uuid": hashlib.md5(uri.encode()).hexdigest(),
        "archName": "x86_64",
        "bootScriptUris": ("uri", [f"{uri}/bootscripts/{script}" for script in range(number % 3)]),
        "description": "true" if number % 2 else 'A web server <with> "quotes" & an ampersand',
        "distributionName": "Debian 9",
        "exportsUri": f"{uri}/exports",
        "imported": False,
        "installedSize": 1_500_000 + number,
        "installProfile": {
            **base(number + 1000, "installProfile"),
            "diskSize": 20_480,
            "rootUser": {"name": "root", "password": f"root-secret-{number}", "passwordAuto": False},
            "timezone": "Europe/Paris",
        },
        "mySoftwareUris": ("uri", []),
        "name": f"web/server {number}",
        "nbUpdates": number % 4,
        "orgUri": "orgs/1",
        "revision": 1,
        "shared": False,
        "size": 700_000 + number,
        "uri": uri,
        "version": f"1.{number}",
    }


def bundle(login: str, number: int) -> Record:
    """A bundle of software."""
    uri = f"users/{login}/mysoftware/{number}"
    return {
        **base(number, "mySoftware"),
        "name": f"tool-{number}",
        "version": "2.0",
        "description": "",
        "restricted": False,
        "size": 300_000 + number,
        "revision": 3,
        "uri": uri,
        "exportUri": f"{uri}/exports",
        "imported": False,
        "generationEnabled": True,
    }


def accounts(login: str) -> list[Record]:
    """Cloud accounts of several kinds, with their secrets in clear, as the schema allows."""

    def common(number: int, name: str, kind: str) -> Record:
        uri = f"users/{login}/accounts/{number}"
        platform = {**base(number, "targetPlatform"), "name": name, "type": kind}
        return {
            **base(number, "credAccount"),
            "name": f"{name} of {login}",
            "parentUri": f"users/{login}",
            "uri": uri,
            "targetPlatform": platform,
            "secretsMissing": False,
        }

    certificate = {**base(40, "certificate"), "content": "LS0tLS1CRUdJTg==", "name": "key.pem", "type": "ec2PrivateKey"}
    return [
        {
            "@type": "CredAccountAws",
            **common(31, "Amazon", "aws"),
            "certificates": ("certificate", [certificate]),
            "accessKeyId": "AKIAEXAMPLE",
            "accountNumber": "123456789012",
            "secretAccessKeyId": "aws-secret",
        },
        {
            "@type": "CredAccountOpenStack",
            **common(32, "OpenStack", "openstack"),
            "glanceUrl": "http://192.0.2.1:9292",
            "keystoneUrl": "http://192.0.2.1:5000",
            "login": "bob",
            "password": "openstack-secret",
            "keystoneVersion": "v3",
        },
        {
            "@type": "CredAccountAzure",
            **common(33, "Azure", "azure"),
            "tenantId": "t-1",
            "subscriptionId": "s-1",
            "applicationId": "a-1",
            "applicationKey": "azure-secret",
        },
    ]


def archive(record: Record, output_format: str, size: int) -> bytes:
    """The .tar.gz of an appliance or a bundle: the same every time, about as large as ``size`` says."""
    name = "template" if "archName" in record else "bundle"
    extension = "yml" if output_format == "yaml" else "json"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        add(tar, f"{name}.{extension}", f"---\nname: {record['name']}\nversion: {record['version']}\n".encode())
        add(tar, f"bundles/{record['dbId']}/software.bin", noise(str(record["uri"]), size))
    return packed.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file with nothing of the present in it."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(size)
