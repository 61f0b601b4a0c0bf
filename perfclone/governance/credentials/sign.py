"""Content credentials (C2PA): a signed statement inside the file of how it was made, on whose consent.

Signing comes last, after label, watermark, encoding and tags: whatever changes the file afterwards breaks the
credentials (`tampered`), and whatever writes it anew loses them (`absent`).
"""

from __future__ import annotations

import datetime
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perfclone import __version__
from perfclone.errors import UserError
from perfclone.files.sequence import video_files, video_sha256
from perfclone.files.writing import beside, full_disk_explained
from perfclone.governance.credentials import certificates
from perfclone.governance.credentials.certificates import Certificate
from perfclone.governance.credentials.read import CLONE, CONSENT, OFFLINE, WATERMARK, first_bytes
from perfclone.governance.marks.metadata import SOURCE_TYPE

_TRAINING = ("ai_training", "ai_generative_training", "ai_inference", "data_mining")


@dataclass(frozen=True)
class Claim:
    """What the credentials of one clone say.

    Attributes:
        title: Of the video.
        actor: Whom it shows, as the actor is named.
        consent: Digest of the consent record, "sha256:" and 64 hex digits.
        purpose: What it was made for.
        watermark: The id in its watermark, 0 to 2**32 - 1.
        commit: Which state of the actor; empty where it has none.
        driving: The driving video. The credentials hold its sha256, not its name, and nothing of its picture.
        actor_file: A file that stands for the actor, such as its poster or weights; as above.
        versions: Of the programs that made the clone, by name.

    Raises:
        UserError: A text is empty, too long or not one line, or the digest is none.
        ValueError: `watermark` is out of range.
    """

    title: str
    actor: str
    consent: str
    purpose: str
    watermark: int
    commit: str = ""
    driving: Path | None = None
    actor_file: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for name, least in (("title", 1), ("actor", 1), ("purpose", 1), ("commit", 0)):
            text = getattr(self, name)
            if (
                not isinstance(text, str)
                or not text.isprintable()
                or not least <= len(text.strip()) <= len(text) <= 500
            ):
                raise UserError(f"{name} of the credentials must be one line of at most 500 characters, not {text!r}.")
        head, _, digits = str(self.consent).partition(":")
        if head != "sha256" or len(digits) != 64 or set(digits) - set("0123456789abcdef"):
            raise UserError(f'consent must be "sha256:" and 64 hex digits, not {self.consent!r}.')
        if not 0 <= self.watermark < 2**32:
            raise ValueError(f"watermark must be from 0 to {2**32 - 1}, not {self.watermark}.")


def sign_video(path: str | Path, output: str | Path, claim: Claim, certificate: Certificate | None = None) -> Path:
    """Write a video again with signed credentials in it; the file is streamed, not held in memory.

    Args:
        path: An MP4 file, label, watermark and tags in place.
        output: Where to write; it may be `path`. What is there is replaced only once all is written.
        claim: What to state.
        certificate: None for the operator's from the environment, else this machine's own, which nobody trusts.

    Returns:
        `output`.

    Raises:
        FileNotFoundError: `path` or an ingredient does not exist.
        UserError: It is no MP4, the certificate will not do, or the disk is full.
    """
    import c2pa

    path, output = Path(path), Path(output)
    if first_bytes(path)[4:8] != b"ftyp":
        raise UserError(f"{path} is no MP4 file, which credentials need; give the clone as it was written.")
    with_ = certificate or certificates.certificate()
    statement = _manifest(claim)
    algorithm = getattr(c2pa.C2paSigningAlg, with_.algorithm)
    information = c2pa.C2paSignerInfo(algorithm, with_.chain.encode(), with_.key.encode(), None)
    try:
        with (
            full_disk_explained(output, "sign the video again"),
            beside(output) as part,
            c2pa.Signer.from_info(information) as signer,
            c2pa.Builder(statement, c2pa.Context.from_dict(OFFLINE)) as builder,
            path.open("rb") as source,
            part.open("w+b") as target,
        ):
            builder.sign(signer, "video/mp4", source, target)
    except c2pa.C2paError as error:
        raise UserError(
            f"{path} could not be signed with the certificate of {with_.name} ({error}); check both, and that "
            f"there is space on the disk of {output.parent}."
        ) from error
    return output


def _manifest(claim: Claim) -> dict:
    """Put a claim in C2PA's terms."""
    files = {"driving": claim.driving, "actor": claim.actor_file}
    digests = {name: _sha256(Path(file)) for name, file in files.items() if file is not None}
    ingredients = [_ingredient(name, Path(files[name]), digest) for name, digest in digests.items()]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    software = {"name": "perfclone", "version": __version__}
    mark = f"{claim.watermark:08x}"
    clone = {
        "actor": claim.actor,
        "commit": claim.commit,
        "watermark": mark,
        "when": now,
        "sha256": digests,
        "versions": dict(claim.versions),
    }
    said = {
        "c2pa.actions.v2": {"actions": _actions(ingredients, software, now)},
        "c2pa.soft-binding": {"alg": WATERMARK, "blocks": [{"scope": {}, "value": mark}]},
        CONSENT: {"record": claim.consent, "purpose": claim.purpose},
        CLONE: clone,
        "cawg.training-mining": {"entries": {f"cawg.{use}": {"use": "notAllowed"} for use in _TRAINING}},
    }
    return {
        "claim_generator_info": [software],
        "title": claim.title,
        "format": "video/mp4",
        "ingredients": ingredients,
        "assertions": [{"label": label, "data": data} for label, data in said.items()],
    }


def _actions(ingredients: list[dict[str, str]], software: dict[str, str], now: str) -> list[dict]:
    """Say what was done: created by a trained model, out of these, and marked."""
    created = {"action": "c2pa.created", "when": now, "softwareAgent": software, "digitalSourceType": SOURCE_TYPE}
    used = {"ingredientIds": [one["instance_id"] for one in ingredients]}
    placed = {"action": "c2pa.placed", "when": now, "parameters": used}
    marked = {"action": "c2pa.watermarked.bound", "when": now, "softwareAgent": software}
    return [created, placed, marked] if ingredients else [created, marked]


def _ingredient(name: str, file: Path, digest: str) -> dict[str, str]:
    """Describe an ingredient by its digest alone: credentials of its own could carry pictures and names."""
    title, relation = {"driving": ("driving video", "componentOf"), "actor": ("actor", "inputTo")}[name]
    return {
        "title": title,
        "format": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "instance_id": f"{name}:{digest}",
        "relationship": relation,
        "description": digest,
    }


def _sha256(path: Path) -> str:
    """Hash an ingredient; one that is not there is a FileNotFoundError, as the video would be."""
    video_files(path)
    return f"sha256:{video_sha256(path)}"
