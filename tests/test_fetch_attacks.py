"""What somebody could put into a repository, or into its way here, to harm whoever loads it: each is refused."""

import json
import os
import resource
import struct

import pytest
import torch
from published import REPOSITORY, files_of, publish
from safetensors.torch import load, save
from tiny import untrained_actor

from perfclone.actor import Actor
from perfclone.actor.layout import CONFIG, CONSENT, LIMITS, MANIFEST, WEIGHTS
from perfclone.actor.manifest import Manifest
from perfclone.actor.remote.fetch import fetch
from perfclone.errors import UserError
from perfclone.governance.consent import revocations
from perfclone.governance.consent.record import ConsentError
from perfclone.governance.keys import SigningKey, signing_key


class Trap:
    """Makes a folder if it is ever unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def pickled(tmp_path):
    torch.save(Trap(tmp_path / "trapped"), tmp_path / "pickled")
    yield (tmp_path / "pickled").read_bytes()
    assert not (tmp_path / "trapped").exists()


def weights(change):
    """Files of an actor whose weights were changed, with a manifest that fits."""
    files = files_of()
    tensors = load(files[WEIGHTS])
    change(tensors)
    return files_of(**{WEIGHTS: save(tensors)})


def config(**changes):
    return files_of(**{CONFIG: json.dumps({**json.loads(files_of()[CONFIG]), **changes}).encode()})


def header(change):
    """Files of an actor the header of whose weights was changed, the data left as they are."""
    data = files_of()[WEIGHTS]
    (length,) = struct.unpack("<Q", data[:8])
    told = json.loads(data[8 : 8 + length])
    change(told)
    text = json.dumps(told).encode()
    return files_of(**{WEIGHTS: struct.pack("<Q", len(text)) + text + data[8 + length :]})


def refused(match, **how):
    with pytest.raises(UserError, match=match):
        Actor.from_pretrained(REPOSITORY, **how)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pth", "actor.pkl"])
def test_weights_as_pickle(loopback, pickled, name):
    publish(loopback, files_of(**{WEIGHTS: None, name: pickled}))
    refused("weights as pickle .*can run code")
    assert not any(name in request.path for request in loopback.requests)


def test_a_pickle_that_is_called_safetensors(loopback, pickled):
    publish(loopback, files_of(**{WEIGHTS: pickled}))
    refused("damaged or no safetensors file")


def test_a_pickle_and_code_beside_the_weights_are_never_fetched(loopback, pickled):
    publish(loopback, files_of(**{"pytorch_model.bin": pickled, "modeling.py": b"raise SystemExit"}))
    actor = Actor.from_pretrained(REPOSITORY)
    assert torch.equal(actor.plate, untrained_actor().plate)
    assert not any(name in request.path for request in loopback.requests for name in (".bin", ".py"))


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, CONSENT, MANIFEST])
def test_swapped_bytes_of_the_same_size(loopback, name):
    publish(loopback)
    data = bytearray(files_of()[name])
    data[-2] ^= 1
    loopback.swap(REPOSITORY, name, bytes(data))
    refused(f"{name} of {REPOSITORY} is not the file that the Hub lists")
    assert not list(loopback.home.glob(f"hub/models--*/snapshots/*/{name}"))  # so it is fetched anew
    assert not list(loopback.home.glob("hub/models--*/refs/*"))


def test_swapped_files_that_the_hub_agrees_with_but_the_manifest_does_not(loopback):
    publish(loopback, {**files_of(), WEIGHTS: untrained_actor(seed=5).files()[WEIGHTS]})
    refused(f"{WEIGHTS} is not the file that {MANIFEST} lists")


def test_a_manifest_that_was_taken_away(loopback):
    publish(loopback, {name: data for name, data in files_of().items() if name != MANIFEST})
    refused(f"has no {MANIFEST}")


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, CONSENT, MANIFEST])
def test_an_oversized_file(loopback, name):
    publish(loopback)
    loopback.lie(REPOSITORY, name, size=LIMITS[name] + 1)
    refused(f"{name} of {REPOSITORY} is said to have {LIMITS[name] + 1} bytes")
    assert not any(name in request.path for request in loopback.requests)


def test_a_file_that_is_longer_than_it_is_said_to_be(loopback):
    publish(loopback)
    loopback.swap(REPOSITORY, CONFIG, files_of()[CONFIG] + b" " * 5000)
    refused("did not arrive whole")


def lie_about_shape(told):
    told["plate"]["shape"] = [4096, 4096, 3]


def lie_about_offsets(told):
    told["plate"]["data_offsets"] = [0, 1 << 40]


def overlap(told):
    names = [name for name in told if name != "__metadata__"]
    told[names[1]]["data_offsets"] = told[names[0]]["data_offsets"]


@pytest.mark.parametrize("change", [lie_about_shape, lie_about_offsets, overlap])
def test_a_header_that_lies(loopback, change):
    publish(loopback, header(change))
    refused("damaged or no safetensors file")


@pytest.mark.parametrize("length", [1 << 62, 200 << 20, 0])
def test_a_header_whose_length_lies(loopback, length):
    data = files_of()[WEIGHTS]
    publish(loopback, files_of(**{WEIGHTS: struct.pack("<Q", length) + data[8:]}))
    refused("damaged or no safetensors file")


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", "sub/../../x"])
def test_a_path_outside_the_folder_in_the_manifest(loopback, name):
    files = files_of()
    listed = Manifest.from_bytes(files[MANIFEST])
    lying = Manifest({**listed.files, name: listed.files[CONFIG]})
    publish(loopback, {**files, MANIFEST: lying.to_bytes()})
    refused("no name of an actor's file")


@pytest.mark.parametrize("name", ["../../config.json", "sub/model.safetensors"])
def test_a_path_outside_the_folder_in_the_repository_is_never_asked_for(loopback, name):
    publish(loopback, {**files_of(), name: b"evil"})
    assert Actor.from_pretrained(REPOSITORY)
    assert not any(("sub/" in request.path or ".." in request.path) for request in loopback.requests)


@pytest.mark.parametrize("revision", ["../../../../etc", "refs/../../x", ".."])
def test_a_revision_that_leads_out_of_the_cache(loopback, revision, tmp_path):
    publish(loopback)
    with pytest.raises((UserError, FileNotFoundError)):
        fetch(REPOSITORY, revision, local_files_only=True)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, CONSENT, MANIFEST])
def test_a_symlink_that_leads_out_of_the_folder(loopback, tmp_path, name):
    publish(loopback)
    folder = fetch(REPOSITORY).folder
    outside = tmp_path / "outside"
    outside.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(outside)
    refused(f"{name} is a link that leads out")
    refused(f"{name} is a link that leads out", local_files_only=True)


def test_a_saved_file_in_a_cache_takes_nobodys_place(loopback):
    publish(loopback)
    snapshot = fetch(REPOSITORY).folder
    (snapshot / ".saved").mkdir()
    (snapshot / ".saved" / f"{CONSENT}.gone").touch()
    assert (
        Actor.from_pretrained(REPOSITORY).consent and Actor.from_pretrained(REPOSITORY, local_files_only=True).consent
    )


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_symlink_in_a_folder_that_somebody_gave(tmp_path, name):
    folder = untrained_actor().save_pretrained(tmp_path / "actor")
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(UserError, match="is a link that leads out"):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(loopback, value):
    def poison(tensors):
        tensors["generator.unet.enter.bias"][0] = value

    publish(loopback, weights(poison))
    refused("generator.unet.enter.bias holds values that are not finite")


def drop(tensors):
    del tensors["generator.unet.enter.bias"]


def add(tensors):
    tensors["extra"] = torch.zeros(1)


def reshape(tensors):
    tensors["generator.unet.enter.bias"] = torch.zeros(9)


@pytest.mark.parametrize(
    ("change", "match"), [(drop, "does not fit its config"), (add, "does not fit its config"), (reshape, "has shape")]
)
def test_missing_extra_and_odd_tensors(loopback, change, match):
    publish(loopback, weights(change))
    refused(match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"auto_map": {"AutoModel": "modeling.Actor"}}, "unknown keys .auto_map"),
        ({"trust_remote_code": True}, "unknown keys"), ({"_target_": "os.system"}, "unknown keys"),
        ({"width": {"__reduce__": "os.system"}}, "width must be int"), ({"format_version": 99}, "update perfclone"),
        ({"preset": ["!!python/object/apply:os.system"]}, "preset must be str"),
    ],
)  # fmt: skip
def test_a_config_with_code_in_it(loopback, changes, match):
    publish(loopback, config(**changes))
    refused(match)


def test_a_config_that_asks_for_more_memory_than_its_weights_have(loopback):
    huge = {"widths": [2048] * 8, "texture_side": 4096, "texture_channels": 512, "width": 8192, "height": 8192}
    publish(loopback, config(**huge, resolution=1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused("does not fit its config")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB; the config asks for 17 GB


def test_a_commit_that_moved_under_a_branch_name(loopback):
    first = publish(loopback)
    moved = []

    def move():
        moved.append(publish(loopback, files_of(untrained_actor(seed=5))))

    loopback.before(rf"/{REPOSITORY}/resolve/.*{WEIGHTS}", move)
    actor = Actor.from_pretrained(REPOSITORY)
    assert moved and moved[0] != first == actor.commit
    assert torch.equal(actor.plate, untrained_actor().plate)
    assert Actor.from_pretrained(REPOSITORY).commit == moved[0]


def test_a_hub_that_gives_another_commit_than_it_is_asked_for(loopback, monkeypatch):
    commit = publish(loopback)
    wanted = commit[::-1]
    loopback.hub.repositories["model", REPOSITORY].branches[wanted] = commit
    refused(f"was asked for commit {wanted}", revision=wanted)


def revoke(key=None):
    return untrained_actor().consent.revoke("asked by mail", key or SigningKey.new())


def test_a_revoked_consent_at_the_head(loopback):
    actor = untrained_actor()
    first = publish(loopback, files_of(actor))
    assert Actor.from_pretrained(REPOSITORY, revision=first)
    revoked = actor.consent.revoke("asked by mail", SigningKey.new())
    loopback.put(REPOSITORY, {CONSENT: revoked.to_bytes()}, delete=[WEIGHTS, CONFIG, MANIFEST])
    for revision in (None, "main", first):
        with pytest.raises(ConsentError, match=r"was revoked on .*asked by mail"):
            Actor.from_pretrained(REPOSITORY, revision=revision)


def test_a_revocation_by_whoever_signed_the_record_is_noted_for_when_there_is_no_network(loopback):
    actor, key = untrained_actor(), signing_key()
    actor.consent = actor.consent.sign(key)
    publish(loopback, files_of(actor))
    Actor.from_pretrained(REPOSITORY).consent.allow("evaluation")
    revoked = actor.consent.revoke("asked by mail", key)
    loopback.put(REPOSITORY, {CONSENT: revoked.to_bytes()})
    refused("was revoked")
    assert revocations.noted(actor.consent.id)["reason"] == "asked by mail"
    with pytest.raises(ConsentError, match="revoked"):
        Actor.from_pretrained(REPOSITORY, local_files_only=True).consent.allow("evaluation")


def test_a_revocation_by_a_stranger_is_not_noted(loopback):
    actor = untrained_actor()
    publish(loopback, files_of(actor))
    loopback.put(REPOSITORY, {CONSENT: actor.consent.revoke("spite", SigningKey.new()).to_bytes()})
    refused("was revoked")
    assert revocations.noted(actor.consent.id) is None


def test_a_record_at_the_head_that_was_changed(loopback):
    actor = untrained_actor()
    first = publish(loopback, files_of(actor))
    values = {**json.loads(actor.consent.to_bytes()), "purposes": ["marketing"]}
    loopback.put(REPOSITORY, {CONSENT: json.dumps(values).encode()})
    refused("changed after it was signed", revision=first)


def test_the_token_goes_to_the_hub_only(loopback):
    loopback.login("hf_owner")
    publish(loopback, private=True)
    Actor.from_pretrained(REPOSITORY)
    seen = {request.user for request in loopback.requests if "resolve" in request.path or "/api/" in request.path}
    assert seen == {"owner"}  # the storage host answers 400 to whoever sends it a token
