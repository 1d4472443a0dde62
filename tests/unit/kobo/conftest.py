from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.kobo.form import KoboClient, open_form
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FAKE_TOKEN


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate for 127.0.0.1, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def simulator(simulator_process: SimulatorProcess) -> SimulatorProcess:
    """Return a simulated server with 30 submissions, and without faults."""
    simulator_process.control.faults.clear()
    simulator_process.control.reset(rows=30)
    simulator_process.control.clear_requests()
    return simulator_process


@pytest.fixture
def client(simulator: SimulatorProcess) -> Iterator[KoboClient]:
    with open_form(simulator.url, simulator.token, simulator.asset, sleep=lambda seconds: None) as made:
        yield made


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds that the client would have slept."""
    return []


@pytest.fixture
def connect(waits: list[float]) -> Callable[..., KoboClient]:
    def make(url: str, **options: Any) -> KoboClient:
        options = {"attempts": 3, "timeout": (1.0, 1.0), "sleep": waits.append} | options
        return open_form(url, FAKE_TOKEN, "aForm", **options)

    return make
