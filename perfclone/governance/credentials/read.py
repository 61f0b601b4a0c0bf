"""Reading content credentials of any file, friendly or not: what they state, and whether it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from perfclone.errors import UserError
from perfclone.files.reading import one_line
from perfclone.governance.credentials.certificates import DEVELOPMENT, own_roots

#: How C2PA's soft binding names our watermark: 32 bits, as 8 hex digits.
WATERMARK = "org.perfclone.watermark.1"
#: Labels of the assertions that are ours.
CONSENT, CLONE = "org.perfclone.consent", "org.perfclone.clone"
#: No pictures of anybody in a manifest, nothing fetched from anywhere, unused space in the file signed too.
OFFLINE = {
    "version": 1,
    "verify": {"verify_trust": True, "ocsp_fetch": False, "remote_manifest_fetch": False},
    "builder": {"thumbnail": {"enabled": False}, "bmff_hash_exclude_free_and_skip_boxes": False},
}
State = Literal["trusted", "valid", "tampered", "absent"]

_UNTRUSTED = "signingCredential.untrusted"
_EXPIRED = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})
_LATE = "The signer's certificate has expired; no time stamp shows that the file was signed before."
_WORDS = {
    _UNTRUSTED: "The signer is nobody that you named as trusted.",
    "signingCredential.expired": _LATE,
    "signingCredential.revoked": "The signer's certificate was revoked.",
    "claimSignature.outsideValidity": _LATE,
    "claimSignature.mismatch": "The signature does not fit the credentials: they were changed after signing.",
    "assertion.bmffHash.mismatch": "The video was changed after it was signed.",
    "assertion.dataHash.mismatch": "The file was changed after it was signed.",
    "assertion.hashedURI.mismatch": "A statement in the credentials was changed after signing.",
    "assertion.missing": "A statement of the credentials is missing.",
    "claim.hardBindings.missing": "The credentials are not bound to any video.",
}
_LONGEST = 500
# The boxes in which MP4 carries a manifest: user type of the `uuid` box.
_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True)
class Credentials:
    """What the credentials of a file say.

    Attributes:
        state: "trusted": whole, and signed by somebody under a root that was given; "valid": whole, but who signed is
            not vouched for, so that anybody may have; "tampered": the picture, the sound or the credentials were
            changed after signing, or never fitted; "absent": there are none; whatever writes a file anew drops them.
        signer: The name in the signer's certificate; only under "trusted" is it more than a claim.
        by_us: Whether a certificate made on this machine signed them, and they are whole.
        title, actor, commit, consent, purpose, when: As in `Claim`; None where it is not stated. `when` is ISO UTC, by
            the signer's own clock.
        watermark: The id in the watermark, as stated.
        problems: What is wrong, in plain words.
    """

    state: State
    signer: str | None = None
    by_us: bool = False
    title: str | None = None
    actor: str | None = None
    commit: str | None = None
    consent: str | None = None
    watermark: int | None = None
    purpose: str | None = None
    when: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def id(self) -> str | None:
        """The id in the watermark, as stated, in the ledger's spelling: 8 hex digits."""
        return None if self.watermark is None else f"{self.watermark:08x}"


def read_credentials(path: str | Path, anchors: str | Path | None = None) -> Credentials:
    """Read and check the content credentials of a file; the file is streamed, not held in memory.

    Args:
        path: A video file.
        anchors: A PEM file of the root certificates to trust; None trusts nobody: "valid" is the best then.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video, or `anchors` is no PEM file.
    """
    path, trusted = Path(path), _anchors(anchors)
    kind = _kind(path)
    if kind is None:
        return Credentials("absent", problems=("This kind of file carries no credentials that can be read here.",))
    roots = own_roots()
    state, problems, manifest = _report(path, kind, trusted)
    by_us = state != "tampered" and state != "absent" and bool(roots)
    if by_us:
        by_us = _report(path, kind, roots)[0] == "trusted"
    if by_us and state != "trusted":
        own = f"It was signed on this machine with the {DEVELOPMENT}; set a certificate of your own to be trusted."
        problems = tuple(own if problem == _WORDS[_UNTRUSTED] else problem for problem in problems)
    return Credentials(state, by_us=by_us, problems=problems, **_facts(manifest))


def _anchors(path: str | Path | None) -> str:
    if path is None:
        return ""
    from cryptography import x509

    try:
        content = Path(path).expanduser().read_bytes()
        x509.load_pem_x509_certificates(content)
        return content.decode()
    except (OSError, ValueError) as error:
        raise UserError(f"The trusted roots {path} are no PEM file of certificates; give one.") from error


def _kind(path: Path) -> str | None:
    """Give the media type to read a file as; None for a video that cannot carry credentials.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video.
    """
    from perfclone.video.container import open_media

    head = first_bytes(path)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        return "video/avi"
    open_media(path).close()
    return None


def first_bytes(path: Path) -> bytes:
    """Give the first 12 bytes of a file, which tell its kind.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(12)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; check the name.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the name of a video file.") from error


def _report(path: Path, kind: str, roots: str) -> tuple[State, tuple[str, ...], dict[str, Any]]:
    """Check a file against some roots: its state, what is wrong, and the active manifest."""
    import c2pa

    settings = OFFLINE | ({"trust": {"user_anchors": roots}} if roots else {})
    try:
        with path.open("rb") as file, c2pa.Reader(kind, file, context=c2pa.Context.from_dict(settings)) as reader:
            stated, report = reader.get_validation_state(), json.loads(reader.json())
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        return _unreadable(path, error)
    manifest = _get(_get(report, "manifests"), str(_get(report, "active_manifest")))
    return *_judged(stated, _get(_get(report, "validation_results"), "activeManifest")), _dict(manifest)


def _unreadable(path: Path, error: Exception) -> tuple[State, tuple[str, ...], dict[str, Any]]:
    import c2pa

    absent = (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.RemoteManifest)
    if isinstance(error, absent) or not _has_box(path):
        _plays(path)
        return "absent", ("The file carries no credentials; whatever writes a file anew drops them.",), {}
    return (
        "tampered",
        (f"The credentials are damaged and cannot be read ({_text(str(error)) or 'no reason given'}).",),
        {},
    )


def _judged(stated: str | None, results: Any) -> tuple[State, tuple[str, ...]]:
    codes = {part: [str(_get(one, "code")) for one in _list(_get(results, part))] for part in ("success", "failure")}
    failures, late = set(codes["failure"]), set(codes["failure"]) & _EXPIRED
    told = [code for code in codes["failure"] if not (late and code == _UNTRUSTED)]  # an expired one never is trusted
    problems = tuple(dict.fromkeys(_WORDS.get(code, f"C2PA's rule {_text(code)} is broken.") for code in told))
    whole = {"claimSignature.validated"} <= set(codes["success"]) and any(
        code.endswith("Hash.match") for code in codes["success"]
    )
    if stated == "Trusted" and whole and not failures:
        return "trusted", problems
    if whole and failures <= {_UNTRUSTED, *_EXPIRED} and (stated == "Valid" or late):
        return "valid", problems
    return "tampered", problems or ("The credentials do not hold; C2PA gives no reason.",)


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """Take out of a manifest what we know to read; anything may stand there."""
    data: dict[str, Any] = {}
    for assertion in _list(manifest.get("assertions")):
        data.setdefault(str(_get(assertion, "label")), _get(assertion, "data"))
    consent, clone, binding = data.get(CONSENT), data.get(CLONE), data.get("c2pa.soft-binding")
    blocks = _list(_get(binding, "blocks")) if _get(binding, "alg") == WATERMARK else []
    return {
        "signer": _text(_get(_get(manifest, "signature_info"), "common_name")),
        "title": _text(manifest.get("title")),
        "actor": _text(_get(clone, "actor")),
        "commit": _text(_get(clone, "commit")),
        "consent": _text(_get(consent, "record")),
        "purpose": _text(_get(consent, "purpose")),
        "when": _text(_get(clone, "when")),
        "watermark": _id(_get(blocks[0], "value")) if blocks else None,
    }


def _id(value: Any) -> int | None:
    if isinstance(value, str) and len(value) == 8 and not set(value) - set("0123456789abcdef"):
        return int(value, 16)
    return None


def _text(value: Any) -> str | None:
    """Give one line that a terminal may show; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return one_line(value[:_LONGEST])


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _has_box(path: Path) -> bool:
    """Tell whether the start of a file, where a manifest lies, holds the box for one."""
    with path.open("rb") as file:
        return _BOX in file.read(2**20)


def _plays(path: Path) -> None:
    """Refuse what is no video at all."""
    from perfclone.video.probe import probe

    probe(path)
