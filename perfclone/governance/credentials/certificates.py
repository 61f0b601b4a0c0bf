"""The certificate that signs content credentials: the operator's own, or one for development that nobody trusts."""

from __future__ import annotations

import datetime
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.errors import UserError
from perfclone.files.writing import write_private
from perfclone.governance.home import home, private_folder

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

logger = logging.getLogger(__name__)

CERTIFICATE, KEY = "PERFCLONE_CERT", "PERFCLONE_CERT_KEY"
DEVELOPMENT = "perfclone development certificate (not trusted)"
_ROOT, _ROOT_KEY, _SIGNER = "root.pem", "root.key", "signer.pem"
# Long, for without a time stamp a signature holds no longer than the certificate it was made with.
_ROOT_DAYS, _SIGNER_DAYS, _RENEW_DAYS = 7300, 3650, 30
_OTHER_USES = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, ready to sign with.

    Attributes:
        chain: PEM, the signer's certificate first, then those between it and the root.
        key: PEM of the private key, PKCS#8; never shown.
        algorithm: As C2PA names it: ES256, ES384, ES512, PS256 or Ed25519.
        name: Whom it names.
    """

    chain: str
    key: str = field(repr=False)
    algorithm: str
    name: str


def certificate(chain: str | Path | None = None, key: str | Path | None = None) -> Certificate:
    """Find the certificate to sign with: as given, else from the environment, else this machine's own.

    Args:
        chain: A PEM file, the signer's certificate first; None for ``$PERFCLONE_CERT``.
        key: The PEM file of its private key, without a password; None for ``$PERFCLONE_CERT_KEY``.

    Raises:
        UserError: A file is missing or no such PEM, the two do not belong together, or C2PA does not allow the
            certificate: it has expired, or may not be used for signing.
    """
    chain, key = chain or os.environ.get(CERTIFICATE), key or os.environ.get(KEY)
    if not chain and not key:
        return _development()
    if not chain or not key:
        missing = KEY if chain else CERTIFICATE
        raise UserError(f"A certificate and its key go together; set {missing} too.")
    return _checked(_read(chain, "certificate"), _read(key, "key"), str(chain))


def own_roots() -> str:
    """Give the PEM of every root made on this machine, retired ones (`root-*.pem`) too; empty where there is none."""
    folder = home() / "certificates"
    return "".join(path.read_text() for path in sorted(folder.glob("root*.pem")))


def _read(path: str | Path, what: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise UserError(f"The {what} {path} cannot be read ({error.strerror}); check its name.") from error


def _checked(chain: bytes, key: bytes, name: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise UserError(f"The certificate {name} is no PEM file of certificates; export it as PEM.") from error
    try:
        private = serialization.load_pem_private_key(key, None)
    except (TypeError, ValueError) as error:
        reason = "is locked with a password" if isinstance(error, TypeError) else "is no PEM file of a private key"
        raise UserError(f"The key of {name} {reason}; export it as PEM without one.") from error
    leaf = certificates[0]
    if private.public_key() != leaf.public_key():
        raise UserError(f"The key does not belong to the certificate {name}; give the key it was made with.")
    _check_use(leaf, name)
    return Certificate(
        "".join(_pem(one) for one in certificates),
        _key_pem(private),
        _algorithm(private, name),
        _name(leaf),
    )


def _check_use(leaf: x509.Certificate, name: str) -> None:
    """Refuse what C2PA does not allow, in words; its own are hard to read."""
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        when, day = ("expired on", leaf.not_valid_after_utc)
        if now < day:
            when, day = "is not valid before", leaf.not_valid_before_utc
        raise UserError(f"The certificate {name} {when} {day:%Y-%m-%d %H:%M} UTC; get a new one to sign with.")
    for kind, rule in (
        (x509.KeyUsage, "the key usage digitalSignature"),
        (x509.ExtendedKeyUsage, "an extended key usage such as emailProtection or documentSigning"),
        (x509.AuthorityKeyIdentifier, "an authority key identifier"),
    ):
        try:
            value = leaf.extensions.get_extension_for_class(kind).value
        except (x509.ExtensionNotFound, ValueError):
            value = None
        if value is None or (kind is x509.KeyUsage and not value.digital_signature):
            raise UserError(f"The certificate {name} cannot sign credentials: it lacks {rule}; order one that has it.")


def _algorithm(key: PrivateKeyTypes, name: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "PS256"
    raise UserError(
        f"The key of {name} is of a kind that C2PA does not know; use P-256, Ed25519 or RSA from 2048 bits."
    )


def _development() -> Certificate:
    """Give this machine's own certificate; the root is made on first use, the signer anew before it expires."""
    folder = home() / "certificates"
    if not (folder / _ROOT_KEY).is_file():
        _make_root(folder)
    signer = folder / _SIGNER
    if not signer.is_file() or _expires_soon(signer.read_bytes()):
        _make_signer(folder)
    _announce(folder)
    content = signer.read_bytes()
    return _checked(content, content, str(signer))


def _announce(folder: Path) -> None:
    """Warn that nobody trusts this machine's own certificate, once a day."""
    told, today = home() / ".certificate-announced", datetime.date.today().isoformat().encode()
    if told.is_file() and told.read_bytes() == today:
        return
    logger.warning(
        "Clones are signed with the %s of %s; set %s to sign with your own.", DEVELOPMENT, folder, CERTIFICATE
    )
    write_private(told, today)


def _expires_soon(content: bytes) -> bool:
    from cryptography import x509

    left = x509.load_pem_x509_certificate(content).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left < datetime.timedelta(days=_RENEW_DAYS)


def _make_root(folder: Path) -> None:
    """Make a root; of several processes at once, the first one's stays."""
    private_folder(folder)
    root, key = _issue(f"{DEVELOPMENT} root", _ROOT_DAYS)
    if not write_private(folder / _ROOT_KEY, (_key_pem(key) + _pem(root)).encode(), replace=False):
        return
    write_private(folder / _ROOT, _pem(root).encode())


def _make_signer(folder: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    both = (folder / _ROOT_KEY).read_bytes()
    root, root_key = x509.load_pem_x509_certificate(both), serialization.load_pem_private_key(both, None)
    write_private(folder / _ROOT, _pem(root).encode())
    leaf, key = _issue(DEVELOPMENT, _SIGNER_DAYS, root, root_key)
    write_private(folder / _SIGNER, (_key_pem(key) + _pem(leaf)).encode())


def _issue(
    name: str, days: float, issuer: x509.Certificate | None = None, issuer_key: PrivateKeyTypes | None = None
) -> tuple[x509.Certificate, PrivateKeyTypes]:
    """Make a P-256 key and a certificate for it: a root, or a signer below `issuer`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key, root = ec.generate_private_key(ec.SECP256R1()), issuer is None
    parts = ((x509.oid.NameOID.ORGANIZATION_NAME, "perfclone"), (x509.oid.NameOID.COMMON_NAME, name))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(_OTHER_USES.split(), False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer_key or key).public_key())
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=root, crl_sign=root, **usage), critical=True
        )
    )
    if not root:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _pem(one: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import serialization

    return one.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives import serialization

    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


def _name(leaf: x509.Certificate) -> str:
    from cryptography.x509.oid import NameOID

    named = [*leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME), *leaf.subject]
    return str(named[0].value) if named else "a certificate without a name"
