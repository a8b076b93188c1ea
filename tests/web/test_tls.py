"""TLS, and client certificates as a credential: certificates are made here, for this run."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from responder.core.identifiers import ContactName
from responder.engine.commands import Role
from responder.web.auth import Doors
from responder.web.server import listen, make_app, tls_context
from tests.engine.world import make_world
from tests.fakes.store import MemoryStore
from tests.web.face import WEBHOOK, body_of

# TLS asks the system's clock; these hold whatever it says.
FROM = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Paper:
    """A certificate and its key, also as files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cert_file: Path
    key_file: Path


# What an authority's key may do; Python 3.13 asks for it.
AUTHORITY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def issue(folder: Path, name: str, by: Paper | None = None, *, ends: datetime = UNTIL) -> Paper:
    """Signed by `by`; without it, an authority that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((by.key if by else key).public_key()),
            critical=False,
        )
    )
    if by is None:
        builder = builder.add_extension(AUTHORITY, critical=True)
    if by is not None:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH if name == "server" else ExtendedKeyUsageOID.CLIENT_AUTH]
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(here, critical=False)
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Paper(certificate, key, cert_file, key_file)


@dataclass
class Papers:
    ours: Paper  # the authority
    server: Paper
    callers: dict[str, Paper]

    def client(self, name: str | None) -> ssl.SSLContext:
        """A caller that trusts the server and shows the certificate of that name."""
        context = ssl.create_default_context(cafile=self.ours.cert_file)
        if name is not None:
            context.load_cert_chain(self.callers[name].cert_file, self.callers[name].key_file)
        return context


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    ours, strangers = issue(folder, "ours"), issue(folder, "strangers")
    return Papers(
        ours=ours,
        server=issue(folder, "server", ours),
        callers={
            "alertmanager": issue(folder, "alertmanager", ours),
            "stranger": issue(folder, "stranger", strangers),
            "expired": issue(folder, "expired", ours, ends=FROM + timedelta(days=1)),
        },
    )


@dataclass
class Secured:
    url: str
    papers: Papers
    token: str

    async def post(self, caller: str | None, headers: dict[str, str] | None = None) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                self.url + WEBHOOK, json=body_of(), headers=headers, ssl=self.papers.client(caller)
            ) as answer,
        ):
            return answer.status


@pytest.fixture(params=["certificates", "certificates and tokens", "tokens"])
async def secured(request, papers) -> AsyncIterator[Secured]:
    with_ca, with_token = "certificates" in request.param, "tokens" in request.param
    world = await make_world(MemoryStore())
    fresh = await world.service.tokens.make(name="t", role=Role.VIEWER, contact=ContactName("first"))
    doors = Doors(tokens=("a-token",) if with_token else (), client_certificates=with_ca)
    ca = papers.ours.cert_file if with_ca else None
    context = tls_context(papers.server.cert_file, papers.server.key_file, ca)
    listener = await listen(make_app(world.service, doors), "127.0.0.1", 0, context)
    yield Secured(f"https://127.0.0.1:{listener.port}", papers, fresh.secret)
    await listener.close()


only = pytest.mark.parametrize


@only("secured", ["certificates", "certificates and tokens"], indirect=True)
async def test_a_certificate_of_our_authority_lets_in(secured):
    assert await secured.post("alertmanager") == 200


@only("secured", ["certificates", "certificates and tokens"], indirect=True)
async def test_without_a_certificate_one_is_not_let_in(secured):
    assert await secured.post(None) == 401


@only("secured", ["certificates", "certificates and tokens"], indirect=True)
@only("caller", ["stranger", "expired"])
async def test_a_certificate_that_does_not_hold_ends_the_connection(secured, caller):
    with pytest.raises(aiohttp.ClientError):
        await secured.post(caller)


@only("secured", ["certificates and tokens", "tokens"], indirect=True)
async def test_a_token_lets_in_without_a_certificate(secured):
    assert await secured.post(None, {"Authorization": "Bearer a-token"}) == 200


@only("secured", ["tokens"], indirect=True)
async def test_a_certificate_lets_nobody_in_where_none_are_asked_for(secured):
    assert await secured.post("alertmanager") == 401


async def test_the_api_needs_no_certificate(secured):
    headers = {"Authorization": f"Bearer {secured.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        context = secured.papers.client(None)
        async with session.get(f"{secured.url}/api/v1/status", ssl=context) as answer:
            assert answer.status == 200


def test_old_tls_is_not_spoken(papers):
    context = tls_context(papers.server.cert_file, papers.server.key_file)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("named", ["cert", "key"])
def test_a_file_that_is_no_certificate_is_said_at_start(papers, tmp_path, named):
    files = {"cert": papers.server.cert_file, "key": papers.server.key_file}
    files[named] = tmp_path / "empty"
    files[named].touch()
    with pytest.raises(ssl.SSLError):
        tls_context(**files)
