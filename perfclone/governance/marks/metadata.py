"""Tags that tell a program that a video is synthetic, and which clone it is.

A copy keeps them only as long as nobody strips them: the watermark and the ledger are there for when somebody did.
"""

from __future__ import annotations

import json
from pathlib import Path

from perfclone.errors import UserError

#: IPTC's term for footage that a trained model put together with captured media.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
#: The keys of the JSON object that China's GB 45438-2025 asks for, in its order.
AIGC_KEYS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
_GENERATED = "1"  # 2 is "possibly", 3 "suspected"
_SYNTHETIC_TYPES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
_NOISE = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # what every MP4 says
_LONGEST = 4096  # characters of a tag


def tags(
    id: int,
    actor: str,
    *,
    title: str | None = None,
    producer: str = "perfclone",
    propagator: str = "",
    reserved: str = "",
) -> dict[str, str]:
    """Make the tags of a clone, for `VideoWriter(metadata=...)`.

    Args:
        id: The clone's watermark id, 0 to 2**32 - 1; it stands in `AIGC` and in `org.perfclone.id` as 8 hex digits.
        actor: Whom the clone shows, with the commit where there is one.
        title: Of the video; None leaves it out.
        producer: The name or registration code of the service that makes the clone, as the `AIGC` field wants it.
        propagator: That of the service that first publishes it; empty until there is one.
        reserved: The producer's own security code for `ReservedCode1`, such as a signature; empty for none.

    Raises:
        UserError: A text is empty, longer than 512 characters or not one line.
        ValueError: `id` is out of range.
    """
    if not 0 <= id < 2**32:
        raise ValueError(f"id must be from 0 to {2**32 - 1}, not {id}.")
    _check(actor=actor, title=title or "-", producer=producer, propagator=propagator or "-", reserved=reserved or "-")
    name = f"{id:08x}"
    values = (_GENERATED, producer, name, reserved, propagator, name if propagator else "", "")
    return {
        **({"title": title} if title else {}),
        "comment": f"Synthetic performance made with perfclone: AI-generated video; {actor} did not perform this.",
        "digitalSourceType": SOURCE_TYPE,
        "AIGC": json.dumps(dict(zip(AIGC_KEYS, values)), ensure_ascii=False, separators=(",", ":")),
        "org.perfclone.id": name,
        "org.perfclone.actor": actor,
    }


def read_tags(path: str | Path) -> dict[str, str]:
    """Read all tags of a video file, whoever wrote them; nothing of them is proven.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video that can be read.
    """
    from perfclone.video.container import open_media

    with open_media(path) as container:
        found = dict(container.metadata)
    return {key[:_LONGEST]: value[:_LONGEST] for key, value in found.items() if key not in _NOISE}


def aigc(tags: dict[str, str]) -> dict[str, str] | None:
    """Give the `AIGC` object of some tags, of its seven keys those that are there; None where it is none."""
    try:
        value = json.loads(tags.get("AIGC", ""))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or "Label" not in value:
        return None
    return {key: str(value[key]) for key in AIGC_KEYS if isinstance(value.get(key), str | int)}


def say_synthetic(tags: dict[str, str]) -> bool:
    """Tell whether tags say in a way that programs know that the video is synthetic."""
    source = tags.get("digitalSourceType", "").rpartition("/")[2]
    return source in _SYNTHETIC_TYPES or (aigc(tags) or {}).get("Label") in {"1", "2", "3"}


def _check(**texts: str) -> None:
    for name, text in texts.items():
        if not text.strip() or not text.isprintable() or len(text) > _LONGEST // 8:
            raise UserError(f"{name} must be one line of 1 to {_LONGEST // 8} characters, not {text[:80]!r}.")
