"""Withdrawal: the weights go, wherever they are, and the tombstone stays; the consent is over everywhere."""

import pytest
from huggingface_hub import HfApi, ModelCard
from published import REPOSITORY, publish
from tiny import untrained_actor

from hub.access import listing
from hub.publish import push
from hub.pull import pull
from hub.withdraw import WITHDRAWN, withdraw
from perfclone.actor import Actor
from perfclone.actor.layout import CONSENT, README, WEIGHTS
from perfclone.errors import UserError
from perfclone.governance.consent import revocations
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.keys import signing_key
from perfclone.governance.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("owner")


@pytest.fixture
def folder(tmp_path):
    return untrained_actor().save_pretrained(tmp_path / "anna")


@pytest.fixture
def pushed(loopback, folder):
    """An actor with a past: two commits, a tag, a branch."""
    first = push(folder, REPOSITORY, preview=False, private=False, gated=False)
    api = HfApi()
    api.create_tag(REPOSITORY, tag="v1")
    api.create_branch(REPOSITORY, branch="dev")
    push(folder, REPOSITORY, preview=False, private=False, gated=False, message="again")
    return first


def test_nothing_of_the_actor_is_left_but_the_tombstone(pushed, loopback):
    gone = withdraw(REPOSITORY, "asked by mail")
    there = loopback.repository(REPOSITORY)
    assert gone.left == [] and gone.commit == there.sha
    assert set(there.files) == {README, CONSENT, ".gitattributes"}
    assert there.tags == {} and set(there.branches) == {"main"} and len(there.titles) == 1
    assert loopback.blobs == {}
    data = ModelCard(there.files[README].decode()).data
    assert WITHDRAWN in data.tags and "asked by mail" in there.files[README].decode()
    record = ConsentRecord.from_bytes(there.files[CONSENT], "record")
    record.verify()
    assert record.revoked.reason == "asked by mail"
    assert [(actor.repository, actor.withdrawn) for actor in listing()] == [(REPOSITORY, True)]


def test_it_loads_no_more_whatever_is_asked_for(pushed, loopback, tmp_path):
    assert Actor.from_pretrained(REPOSITORY)
    withdraw(REPOSITORY, "asked by mail")
    for load in (
        lambda: Actor.from_pretrained(REPOSITORY),
        lambda: Actor.from_pretrained(REPOSITORY, cache_dir=tmp_path / "another machine"),
        lambda: Actor.from_pretrained(REPOSITORY, revision=pushed.commit, cache_dir=tmp_path / "another machine"),
        lambda: pull(REPOSITORY, None, tmp_path / "pulled"),
    ):
        with pytest.raises(ConsentError, match="was revoked on .*asked by mail"):
            load()


def test_the_revocation_counts_here_and_is_in_the_ledger(pushed, folder, loopback):
    record = Actor.from_pretrained(folder).consent
    withdraw(REPOSITORY, "asked by mail")
    assert revocations.noted(record.id)["reason"] == "asked by mail"
    with pytest.raises(ConsentError, match="revoked"):
        Actor.from_pretrained(folder).consent.allow("evaluation")
    entries = [
        entry for entry in Ledger().entries() if entry.event == "revoke" and entry.data["consent_id"] == record.id
    ]
    assert len(entries) == 1 and entries[0].data["actor"] == REPOSITORY
    with pytest.raises(ConsentError, match="revoked"):
        push(folder, REPOSITORY, preview=False, private=False, gated=False)


def test_a_new_consent_may_be_pushed_to_the_same_place(pushed, folder, loopback):
    withdraw(REPOSITORY, "asked by mail")
    untrained_actor(seed=5).save_pretrained(folder)  # with a record of its own
    again = push(folder, REPOSITORY, preview=False, private=False, gated=False)
    assert Actor.from_pretrained(REPOSITORY).commit == again.commit
    assert [actor.withdrawn for actor in listing()] == [False]


def test_a_record_that_was_revoked_before_is_taken(pushed, folder, loopback, tmp_path):
    record = Actor.from_pretrained(folder).consent.revoke("by post", signing_key())
    record.save(tmp_path / "revoked.json")
    withdraw(REPOSITORY, "unused", consent=tmp_path / "revoked.json")
    assert b"by post" in loopback.repository(REPOSITORY).files[README]


def test_the_record_of_somebody_else_is_refused(pushed, loopback, tmp_path):
    before = loopback.repository(REPOSITORY)
    untrained_actor().consent.save(tmp_path / "other.json")
    with pytest.raises(ConsentError, match="is not the record of owner/anna"):
        withdraw(REPOSITORY, "mistake", consent=tmp_path / "other.json")
    assert loopback.repository(REPOSITORY) == before


@pytest.mark.parametrize("step", ["/commit/", "/super-squash/", "/tag/", "/lfs-files"])
def test_what_the_hub_does_not_let_go_is_said_and_the_next_run_finishes(pushed, loopback, step):
    loopback.fail(step, status=403, times=1, method="DELETE" if step == "/tag/" else "POST")
    try:
        left = withdraw(REPOSITORY, "asked by mail").left
        assert len(left) == 1 and "run withdraw again" in left[0]
        assert WEIGHTS not in loopback.repository(REPOSITORY).files
    except UserError as error:
        assert step == "/commit/" and "write access" in str(error)
    assert withdraw(REPOSITORY, "asked by mail").left == []
    there = loopback.repository(REPOSITORY)
    assert len(there.titles) == 1 and there.tags == {} and loopback.blobs == {}


def test_pull_requests_are_named(pushed, loopback):
    HfApi().upload_file(
        path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=REPOSITORY, create_pr=True, commit_message="a change"
    )
    [left] = withdraw(REPOSITORY, "asked by mail").left
    assert "pull requests" in left


@pytest.mark.parametrize(("token", "match"), [("hf_other", "write access"), ("hf_reader", "write access")])
def test_only_the_owner_withdraws(pushed, loopback, token, match):
    before = loopback.repository(REPOSITORY)
    with pytest.raises(UserError, match=match):
        withdraw(REPOSITORY, "spite", token=token)
    assert loopback.repository(REPOSITORY) == before
    assert revocations.noted(ConsentRecord.from_bytes(before.files[CONSENT]).id) is None


def test_what_is_not_there_and_what_has_no_record(loopback):
    with pytest.raises(UserError, match="no owner/nobody, or it is not shared"):
        withdraw("owner/nobody", "x")
    loopback.put("owner/empty", {README: b"x"})
    with pytest.raises(ConsentError, match=r"has no consent\.json; give the actor's consent record"):
        withdraw("owner/empty", "x")


def test_a_reason_is_one_line(pushed, loopback):
    before = loopback.repository(REPOSITORY)
    for reason in ("", "two\nlines"):
        with pytest.raises(ConsentError):
            withdraw(REPOSITORY, reason)
    assert loopback.repository(REPOSITORY) == before


def test_publish_is_what_withdraw_expects(loopback):
    publish(loopback)
    assert withdraw(REPOSITORY, "asked by mail").left == []
