"""The operator's signing key: made on first use, readable by its owner only, replaced by :func:`rotate`.

``home()/keys/signing.pem`` is the private key (Ed25519, 0600). ``home()/keys/public/`` has one file for each public
key that ever was ours, so what an earlier key signed is still known after a rotation. Every signature carries its
public key: a lost private key invalidates nothing. Keep a copy of ``public/`` elsewhere, or :func:`known` forgets.

Rotate when somebody may have read the key, when somebody leaves who could, or once a year::

    python -c "from perfclone.governance.keys import rotate; rotate()"

Records and ledgers signed before go on being valid, and what follows is signed by the new key. The old private key is
gone after that. If it was stolen, delete its file in ``public/`` too: then nothing it signs counts as ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.errors import UserError
from perfclone.files.locking import locked
from perfclone.files.reading import shown
from perfclone.files.writing import write_private
from perfclone.governance.home import home, private_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "Ed25519"
_LIMIT = 4096


def canonical(value: object) -> bytes:
    """Write JSON in the one form that is signed and hashed: sorted keys, no spaces, UTF-8.

    Raises:
        UserError: The value has no such form, such as NaN or half of a surrogate pair.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{shown(value)} cannot be signed: it is not plain JSON.") from error


@dataclass(frozen=True)
class Signature:
    """A signature with the public key that checks it; JSON-native.

    Attributes:
        algorithm: Always "Ed25519".
        public_key: 32 bytes as base64.
        value: 64 bytes as base64.
    """

    algorithm: str
    public_key: str
    value: str

    def __post_init__(self):
        if self.algorithm != ALGORITHM:
            raise UserError(f"The signature's algorithm must be {ALGORITHM}, got {shown(self.algorithm)}.")
        for name, length in (("public_key", 32), ("value", 64)):
            _decode(getattr(self, name), length, f"The signature's {name}")

    def to_json(self) -> dict[str, str]:
        """Give it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Signature:
        """Read what :meth:`to_json` gave.

        Raises:
            UserError: It is anything else.
        """
        if not isinstance(value, dict) or value.keys() != {"algorithm", "public_key", "value"}:
            raise UserError(f"A signature has algorithm, public_key and value, got {shown(value)}.")
        return cls(**value)


class SigningKey:
    """An Ed25519 key that signs; what it shows of itself is its public half."""

    def __init__(self, private: Ed25519PrivateKey):
        self._private = private
        self.public_key = base64.b64encode(private.public_key().public_bytes_raw()).decode("ascii")

    @classmethod
    def new(cls) -> SigningKey:
        """Make a key that is kept nowhere."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    def sign(self, data: bytes) -> Signature:
        """Sign bytes."""
        return Signature(ALGORITHM, self.public_key, base64.b64encode(self._private.sign(data)).decode("ascii"))

    def __repr__(self) -> str:
        return f"SigningKey({fingerprint(self.public_key)})"

    def __reduce__(self):
        raise TypeError("A signing key does not leave its process.")

    def _pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def verify(signature: Signature, data: bytes) -> bool:
    """Whether these very bytes were signed by the key that the signature names; see :func:`known` for whose it is."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature.public_key))
        key.verify(base64.b64decode(signature.value), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public_key: str) -> str:
    """Name a public key in 16 hex digits that people can compare."""
    return hashlib.sha256(base64.b64decode(public_key)).hexdigest()[:16]


def signing_key() -> SigningKey:
    """Give the operator's key, made on first use.

    Raises:
        UserError: Others can read the key, or its file is damaged.
    """
    path = _folder() / "signing.pem"
    if not path.exists():
        write_private(path, SigningKey.new()._pem(), replace=False)  # another process may be first: its key is the one
    key = _load(path)
    _remember(key.public_key)
    return key


def rotate() -> SigningKey:
    """Replace the key by a new one; the old public key stays known, so what it signed stays valid.

    Returns:
        The new key.

    Raises:
        UserError: Others can read the present key, or its file is damaged.
    """
    path = _folder() / "signing.pem"
    with locked(path):
        signing_key()
        new = SigningKey.new()
        _remember(new.public_key)
        write_private(path, new._pem())
    return new


def known(public_key: str) -> bool:
    """Whether a public key (base64) is ours, now or earlier."""
    try:
        path = _public(public_key)
        return path.is_file() and path.read_bytes() == public_key.encode("ascii")
    except UserError:
        return False


def _folder() -> Path:
    """Give the folder of the keys, after a look at who else can enter."""
    folder = private_folder(home() / "keys")
    _refuse_shared(folder, folder.stat(), "700")
    return folder


def _load(path: Path) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with path.open("rb") as file:
        _refuse_shared(path, os.fstat(file.fileno()), "600")
        data = file.read(_LIMIT)
    try:
        private = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise UserError(f"{path} is not an Ed25519 key; put a copy back, or move it away and a new one is made.")
    return SigningKey(private)


def _refuse_shared(path: Path, status: os.stat_result, mode: str) -> None:
    if not hasattr(os, "geteuid"):  # Windows keeps lists of who may do what, of which a mode says nothing
        return
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise UserError(f"{path} is open to others, so its key may be known to them; run: chmod {mode} {path}")
    if os.geteuid() not in (0, status.st_uid):
        raise UserError(f"{path} belongs to another user; set PERFCLONE_HOME to a folder of your own.")


def _remember(public_key: str) -> None:
    path = _public(public_key)
    if not path.is_file():
        write_private(path, public_key.encode("ascii"))


def _public(public_key: str) -> Path:
    _decode(public_key, 32, "A public key")
    return private_folder(_folder() / "public") / fingerprint(public_key)


def _decode(text: object, length: int, what: str) -> bytes:
    """Decode base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != length or base64.b64encode(data).decode("ascii") != text:
        raise UserError(f"{what} must be {length} bytes in base64, got {shown(text)}.")
    return data
