"""A certificate of our own: phones tell a page how they are held over HTTPS alone."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 397  # iPhones take none that is valid for longer


def own_certificate(folder: Path, address: str) -> Path:
    """A file with a key and a certificate for an address, made unless it is there and valid.

    The same one every time, so that a phone is asked once whether it is to be trusted.

    Args:
        folder: where it is kept.
        address: the machine's, in numbers, or its name.
    """
    path = folder / f"teleop-{address}.pem"
    now = datetime.datetime.now(datetime.UTC)
    if path.is_file():
        known = x509.load_pem_x509_certificate(path.read_bytes())
        if known.not_valid_after_utc > now + datetime.timedelta(days=1):
            return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Beachhead teleoperation")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    try:
        numbers = ipaddress.ip_address(address)
        names += [x509.IPAddress(numbers)] if address != "127.0.0.1" else []
    except ValueError:
        names.append(x509.DNSName(address))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secret + made.public_bytes(serialization.Encoding.PEM))
    os.replace(unfinished, path)
    return path


def context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """What a server needs to speak HTTPS.

    Raises:
        ValueError: if the files are none, or do not belong together.
    """
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        found.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(
            f"{certificate} and {key or 'the key in it'} cannot be used as a certificate: {error}"
        ) from error
    return found
