"""Content credentials: a table of what can happen to a signed file, and files made to fool the reader."""

import collections
import datetime
import json
import os
import time

import av
import c2pa
import numpy as np
import pytest
from signed import DIGEST, FACTS, operators, root_of, write_video

from perfclone.errors import UserError
from perfclone.governance.credentials import certificates
from perfclone.governance.credentials.certificates import Certificate, certificate
from perfclone.governance.credentials.read import CLONE, CONSENT, OFFLINE, WATERMARK, Credentials, read_credentials
from perfclone.governance.credentials.sign import Claim, sign_video
from perfclone.governance.marks.metadata import SOURCE_TYPE, read_tags
from perfclone.video.probe import probe
from perfclone.video.writer import VideoWriter

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def plain(tmp_path):
    return write_video(tmp_path / "plain.mp4")


@pytest.fixture
def signed(plain, tmp_path):
    return sign_video(plain, tmp_path / "signed.mp4", Claim(**FACTS))


def boxes(content):
    """Start and end of every top-level box, by type, the last of a kind."""
    found, at = {}, 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4])
        found[content[at + 4 : at + 8].decode()] = (at, at + size)
        at += size
    return found


def remuxed(source, target, start=0.0):
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        into = new.add_stream_from_template(stream)
        if start:
            old.seek(int(start / stream.time_base), stream=stream)
        for packet in old.demux(stream):
            if packet.size:
                packet.stream = into
                new.mux(packet)
    return target


def reencoded(source, target):
    with av.open(str(source)) as old, VideoWriter(target, rate=10) as new:
        for frame in old.decode(video=0):
            new.write(frame.to_ndarray(format="rgb24"))
    return target


# What can happen to a signed file


def test_a_signed_file_is_valid_and_says_what_was_claimed(signed, plain):
    found = read_credentials(signed)
    assert (found.state, found.by_us) == ("valid", True)
    assert {name: getattr(found, name) for name in FACTS} == FACTS
    assert abs(datetime.datetime.fromisoformat(found.when) - datetime.datetime.now(datetime.UTC)).total_seconds() < 60
    assert "not trusted" in found.signer and any("certificate of your own" in problem for problem in found.problems)
    assert read_tags(signed) == read_tags(plain) and probe(signed).frames == probe(plain).frames


def test_it_is_trusted_under_its_root(signed, own_home):
    found = read_credentials(signed, root_of(own_home))
    assert (found.state, found.by_us, found.problems) == ("trusted", True, ())


def test_another_root_does_not_make_it_trusted(signed, tmp_path):
    *_, other = operators(tmp_path / "other", "Somebody")
    found = read_credentials(signed, other)
    assert (found.state, found.by_us) == ("valid", True)


def test_on_another_machine_it_is_not_ours(signed, tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "elsewhere"))
    found = read_credentials(signed)
    assert (found.state, found.by_us) == ("valid", False)
    assert found.problems == ("The signer is nobody that you named as trusted.",)
    sign_video(signed, tmp_path / "again.mp4", Claim(**FACTS))  # a root here, of the same name, changes nothing
    assert not read_credentials(signed).by_us and read_credentials(tmp_path / "again.mp4").by_us


def test_every_edit_of_picture_or_index_shows(signed, own_home):
    content = signed.read_bytes()
    for box in ("mdat", "moov", "free"):
        start, end = boxes(content)[box]
        for at in (start + 4, (start + end) // 2, end - 1):
            signed.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            found = read_credentials(signed, root_of(own_home))
            assert (found.state, found.by_us) == ("tampered", False), (box, at)
    assert found.problems == ("The video was changed after it was signed.",)


@pytest.mark.parametrize("how", ["remuxed", "reencoded", "trimmed", "unsigned"])
def test_a_file_written_anew_has_lost_them(signed, plain, tmp_path, how):
    target = tmp_path / f"{how}.mp4"
    made = {
        "remuxed": lambda: remuxed(signed, target),
        "reencoded": lambda: reencoded(signed, target),
        "trimmed": lambda: remuxed(signed, target, start=0.5),
        "unsigned": lambda: plain,
    }[how]()
    found = read_credentials(made)
    assert (found.state, found.actor, found.by_us) == ("absent", None, False)
    assert "drops them" in found.problems[0]


def test_a_truncated_file_is_tampered_or_refused(signed):
    content = signed.read_bytes()
    for keep in (len(content) - 1, len(content) - 3000, boxes(content)["moov"][0] + 20, 2000, 100, 40, 9):
        signed.write_bytes(content[:keep])
        try:
            assert read_credentials(signed).state in ("tampered", "absent")
            assert keep < len(content) - 3000 or read_credentials(signed).state == "tampered"
        except UserError as error:
            assert keep < 3000 and str(signed) in str(error)


def test_credentials_moved_to_another_video_are_tampered(signed, tmp_path):
    other = write_video(tmp_path / "other.mp4", seed=1)
    ours, theirs = signed.read_bytes(), other.read_bytes()
    manifest = ours[slice(*boxes(ours)["uuid"])]
    end = boxes(theirs)["ftyp"][1]
    other.write_bytes(theirs[:end] + manifest + theirs[end:])
    assert read_credentials(other).state == "tampered"


def test_an_operators_certificate_from_the_settings(plain, tmp_path, monkeypatch):
    chain, key, root = operators(tmp_path / "studio", "Studio Example")
    monkeypatch.setenv("PERFCLONE_CERT", str(chain))
    monkeypatch.setenv("PERFCLONE_CERT_KEY", str(key))
    signed = sign_video(plain, tmp_path / "signed.mp4", Claim(**FACTS))
    found = read_credentials(signed, root)
    assert (found.state, found.signer, found.by_us) == ("trusted", "Studio Example", False)
    assert read_credentials(signed).state == "valid"
    assert not (tmp_path / "home" / "certificates").exists()


def test_a_certificate_that_expires_later_leaves_a_whole_file_valid_but_never_trusted(plain, tmp_path):
    chain, key, root = operators(tmp_path / "short", "Short", days=2.5 / 86400)
    signed = sign_video(plain, tmp_path / "signed.mp4", Claim(**FACTS), certificate(chain, key))
    time.sleep(4.1)  # the library counts whole seconds
    found = read_credentials(signed, root)
    assert found.state == "valid"
    assert found.problems == (
        "The signer's certificate has expired; no time stamp shows that the file was signed before.",
    )
    content = bytearray(signed.read_bytes())
    content[-5] ^= 1
    signed.write_bytes(content)
    assert read_credentials(signed, root).state == "tampered"
    with pytest.raises(UserError, match="expired on .* get a new one"):
        certificate(chain, key)


# Signing


def test_the_manifest_states_what_was_asked_and_holds_no_picture(plain, tmp_path):
    from PIL import Image

    driving, poster = write_video(tmp_path / "driving of somebody.mp4", seed=3), tmp_path / "poster.png"
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(poster)
    claim = Claim(**FACTS, driving=driving, actor_file=poster, versions={"torch": "2.14.1"})
    signed = sign_video(plain, tmp_path / "signed.mp4", claim)
    with c2pa.Reader(str(signed)) as reader:
        report = json.loads(reader.json())
    (manifest,) = report["manifests"].values()
    data = {one["label"]: one["data"] for one in manifest["assertions"]}
    created, placed, marked = data["c2pa.actions.v2"]["actions"]
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert placed["action"] == "c2pa.placed" and len(placed["parameters"]["ingredients"]) == 2
    assert marked["action"] == "c2pa.watermarked.bound"
    assert data["c2pa.soft-binding"] == {"alg": WATERMARK, "blocks": [{"scope": {}, "value": "0eadbeef"}]}
    assert data[CONSENT] == {"record": DIGEST, "purpose": "research: dance"}
    assert {entry["use"] for entry in data["cawg.training-mining"]["entries"].values()} == {"notAllowed"}
    assert [one["relationship"] for one in manifest["ingredients"]] == ["componentOf", "inputTo"]
    assert data[CLONE]["sha256"]["driving"] == manifest["ingredients"][0]["description"]
    assert data[CLONE]["versions"] == {"torch": "2.14.1"}
    assert not any("thumbnail" in one for one in (manifest, *manifest["ingredients"]))
    assert b"somebody" not in signed.read_bytes() and b"PNG" not in signed.read_bytes()


def test_signing_in_place_and_again_keeps_one_manifest(plain):
    size = plain.stat().st_size
    assert sign_video(plain, plain, Claim(**FACTS)) == plain
    sign_video(plain, plain, Claim(**{**FACTS, "actor": "ben"}))
    found = read_credentials(plain)
    assert (found.state, found.actor) == ("valid", "ben")
    assert plain.stat().st_size < size + 12_000
    assert [path.name for path in plain.parent.glob("*plain*")] == ["plain.mp4"]


def test_a_failed_signing_leaves_everything_as_it_was(plain, signed, tmp_path):
    before = signed.read_bytes()
    wrong = Certificate("no pem", "no key", "ES256", "Nobody")
    with pytest.raises(UserError, match="could not be signed with the certificate of Nobody"):
        sign_video(plain, signed, Claim(**FACTS), wrong)
    assert signed.read_bytes() == before and not list(tmp_path.glob(".new*"))


def test_what_cannot_be_signed(tmp_path, plain):
    claim = Claim(**FACTS)
    with pytest.raises(FileNotFoundError, match="none.mp4 does not exist"):
        sign_video(tmp_path / "none.mp4", tmp_path / "out.mp4", claim)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(UserError, match="no MP4"):
        sign_video(tmp_path / "text.mp4", tmp_path / "out.mp4", claim)
    with pytest.raises(FileNotFoundError, match="gone.mp4"):
        sign_video(plain, tmp_path / "out.mp4", Claim(**FACTS, driving=tmp_path / "gone.mp4"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(plain.read_bytes()[:300])
    with pytest.raises(UserError, match="could not be signed"):
        sign_video(cut, tmp_path / "out.mp4", claim)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"actor": ""}, "actor of the credentials"),
        ({"title": "a\nb"}, "title"),
        ({"purpose": "x" * 501}, "500"),
        ({"consent": "sha256:12"}, "64 hex digits"),
        ({"consent": "md5:" + "a" * 64}, "64 hex digits"),
        ({"watermark": 2**32}, "watermark"),
    ],
)
def test_claims_are_checked(bad, words):
    with pytest.raises(ValueError, match=words):
        Claim(**{**FACTS, **bad})


# Files made to fool


def forged(plain, target, assertions, title="x"):
    """A file that somebody else signed, with whatever they like in it."""
    folder = target.parent / f"{target.stem}-forger"
    with_ = certificate(*operators(folder, certificates.DEVELOPMENT)[:2])
    signer = c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, with_.chain.encode(), with_.key.encode(), None)
    )
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    statement = {
        "claim_generator_info": [{"name": "perfclone", "version": "0"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}, *assertions],
    }
    with c2pa.Builder(statement, c2pa.Context.from_dict(OFFLINE)) as builder, plain.open("rb") as source:
        with target.open("w+b") as sink:
            builder.sign(signer, "video/mp4", source, sink)
    return target


def test_a_forger_with_our_certificates_name_is_not_us(plain, signed, tmp_path):
    found = read_credentials(forged(plain, tmp_path / "f.mp4", [{"label": CLONE, "data": {"actor": "anna"}}]))
    assert (found.state, found.by_us, found.actor) == ("valid", False, "anna")


@pytest.mark.parametrize(
    "data", [[], "text", 7, {"actor": ["x"], "record": {"a": 1}, "watermark": 3}, {"actor": {"a": [{}] * 50}}]
)
def test_hostile_statements_are_left_out(plain, tmp_path, data):
    labels = (CLONE, CONSENT)
    found = read_credentials(forged(plain, tmp_path / "f.mp4", [{"label": label, "data": data} for label in labels]))
    assert found.state in ("valid", "tampered")
    assert (found.actor, found.consent, found.watermark, found.when) == (None,) * 4


def test_text_that_would_move_a_terminal_is_made_harmless_and_cut(plain, tmp_path):
    actor = "\x1b[2Janna\u202e" + "x" * 10_000
    found = read_credentials(forged(plain, tmp_path / "f.mp4", [{"label": CLONE, "data": {"actor": actor}}], actor))
    for text in (found.actor, found.title):
        assert text.isprintable() and len(text) == 500 and "anna" in text


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_never_accepted_where_the_video_changed(signed, own_home, seed):
    content = signed.read_bytes()
    parts, rng, seen = boxes(content), np.random.default_rng(seed), collections.Counter()
    start = parts["uuid"][0]
    for n in range(120):
        hurt = bytearray(content)
        low, high = [(0, len(content)), parts["uuid"], parts["mdat"], parts["moov"]][n % 4]
        for at in rng.integers(low, high, rng.choice([1, 3, 30])):
            hurt[at] ^= int(rng.integers(1, 256))
        if n % 10 == 9:
            at = int(rng.integers(start, len(hurt)))
            del hurt[at : at + int(rng.integers(1, 500))]
        signed.write_bytes(hurt)
        same = all(hurt[slice(*parts[box])] == content[slice(*parts[box])] for box in ("moov", "mdat"))
        try:
            found = read_credentials(signed, root_of(own_home))
        except UserError:
            seen["refused"] += 1
            continue
        seen[found.state] += 1
        assert isinstance(found, Credentials)
        assert same or found.state in ("tampered", "absent"), (n, found)
        assert found.state not in ("valid", "trusted") or {k: getattr(found, k) for k in FACTS} == FACTS
    assert seen["tampered"] > 60


@pytest.mark.parametrize("content", [b"", b"text", b"\0\0\0\x20ftypisom" + b"\0" * 20, os.urandom(5000)])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(UserError, match="x.mp4"):
        read_credentials(path)


def test_missing_files_folders_and_other_containers(tmp_path, plain):
    with pytest.raises(FileNotFoundError):
        read_credentials(tmp_path / "none.mp4")
    with pytest.raises(UserError):
        read_credentials(tmp_path)
    (tmp_path / "bad.pem").write_text("no")
    with pytest.raises(UserError, match="bad.pem"):
        read_credentials(plain, tmp_path / "bad.pem")
    found = read_credentials(remuxed(plain, tmp_path / "x.mkv"))
    assert found.state == "absent" and "kind of file" in found.problems[0]
