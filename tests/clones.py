"""Clones made by hand, what may happen to one on its way, and what every verdict on one promises."""

import json
from pathlib import Path

import av

from perfclone.files.reading import file_sha256
from perfclone.governance.credentials.sign import Claim, sign_video
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.label import Label, LabelMarker
from perfclone.governance.marks.metadata import tags
from perfclone.governance.marks.watermark import Watermarker
from perfclone.governance.verify.verify import verify_video
from perfclone.video import VideoReader, VideoWriter

CLIPS = Path(__file__).resolve().parents[1] / "examples" / "clips"
SIDE, SECONDS, FPS = 320, 3, 30
ID, CONSENT, CONSENT_ID = 0xC0FFEE11, "sha256:" + "ab" * 32, "cd" * 16
#: What every verdict must say, whatever else.
WORDS = {
    "rejected": "REJECTED: a clone of anna",
    "made_here_untouched": "This is the very file that was made here on",
    "tampered": "The content credentials do not hold",
    "made_here_changed": "and was changed or written anew since",
    "made_by_perfclone_unknown_ledger": "marked by perfclone with the id c0ffee11, but",
    "marked_elsewhere": "Nothing shows that this was made here; it was signed by",
    "only_tagged": "Nothing but its tags speaks",
    "no_sign": "which proves nothing",
}


def write(path, frames, **options):
    """Encode frames as a clone is."""
    with VideoWriter(path, rate=FPS, force=True, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def cut(name, seconds=SECONDS, side=SIDE):
    """The first seconds of a clip that the repository has."""
    with VideoReader(CLIPS / f"{name}.mp4", max_side=side) as reader:
        return [frame.pixels for frame, _ in zip(reader, range(round(seconds * FPS)))]


def make(path, frames, id=ID):
    """Make a clone by hand: label, watermark, encode with tags, sign."""
    height, width = frames[0].shape[:2]
    label, marker = LabelMarker(Label(), width, height, FPS), Watermarker(id, height, width)
    write(path, [marker.apply(label.apply(frame)) for frame in frames], metadata=tags(id, "anna"))
    return sign(path, path, id)


def sign(path, output, id=ID, actor="anna"):
    return sign_video(path, output, Claim("A dance", actor, CONSENT, "research", id))


def note(path, id=ID, **more):
    return Ledger().append(
        "clone",
        actor="anna",
        purpose="research",
        consent=CONSENT,
        consent_id=CONSENT_ID,
        watermark=id,
        output_sha256=file_sha256(path),
        **more,
    )


def copied(source, target, end=None, **metadata):
    """Copy the packets of the pictures, up to `end` seconds, into a new file that has other tags."""
    options = {"movflags": "use_metadata_tags"} if target.suffix == ".mp4" else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        new.metadata.update(metadata)
        stream = old.streams.video[0]
        into = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.size and (end is None or packet.pts * packet.time_base < end):
                packet.stream = into
                new.mux(packet)
    return target


def decoded(path):
    with VideoReader(path) as reader:
        return [frame.pixels for frame in reader]


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def check(path, verdict, *words, **options):
    """Verify, and hold the verdict to what every one promises."""
    found = verify_video(path, **options)
    assert found.verdict == verdict, found.text()
    assert WORDS[verdict] in found.summary
    for word in words:
        assert word in found.text(), found.text()
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert said["verdict"] == verdict and said["sha256"] == file_sha256(Path(path))
    assert said["made_here"] == (said["match"] is not None)
    assert said["caveats"] and said["reasons"]
    return found
