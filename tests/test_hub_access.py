"""Finding actors, and who may have them."""

import pytest
from published import REPOSITORY, asked, files_of, publish

from hub.access import listing, requests
from hub.publish import push
from hub.withdraw import WITHDRAWN
from perfclone.actor import Actor
from perfclone.actor.layout import README
from perfclone.errors import UserError

CARD = b"---\nlibrary_name: perfclone\ntags: [perfclone]\n---\n"


pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def shelf(loopback):
    """Four actors and something else."""
    loopback.put("owner/anna", {README: CARD})
    loopback.put("owner/secret", {README: CARD}, private=True)
    loopback.put("other/ben", {README: CARD}, gated="manual")
    loopback.put("owner/zoe", {README: CARD.replace(b"[perfclone]", f"[perfclone, {WITHDRAWN}]".encode())})
    loopback.put("owner/gpt", {README: b"---\nlibrary_name: transformers\n---\n"})
    return loopback


def names(**how):
    return [actor.repository for actor in listing(**how)]


def test_everybody_sees_the_public_actors_and_the_withdrawn_last(shelf):
    assert names() == ["other/ben", "owner/anna", "owner/zoe"]
    withdrawn = {actor.repository: actor.withdrawn for actor in listing()}
    assert withdrawn == {"other/ben": False, "owner/anna": False, "owner/zoe": True}


def test_an_owner_sees_the_private_ones_too(shelf):
    shelf.login("hf_owner")
    assert names(owner="owner") == ["owner/anna", "owner/secret", "owner/zoe"]
    assert [actor.private for actor in listing(owner="owner")] == [False, True, False]
    assert listing(search="ben")[0].gated is True


def test_words_and_owner_narrow_the_list(shelf):
    assert names(search="ann") == ["owner/anna"] and names(owner="other") == ["other/ben"]
    assert names(owner="nobody") == []


def test_a_long_list_is_read_to_its_end(loopback):
    loopback.page_size = 2
    for n in range(5):
        loopback.put(f"owner/a{n}", {README: CARD})
    assert names() == [f"owner/a{n}" for n in range(5)]


def test_a_token_that_is_no_good(shelf):
    shelf.login("hf_nobody")
    with pytest.raises(UserError, match="Cannot list the actors: the Hub does not accept your token"):
        listing()


def test_a_request_is_seen_accepted_and_the_reader_loads_the_actor(loopback):
    publish(loopback, files_of(), gated="manual")
    loopback.ask(REPOSITORY, "reader", {"Purpose": "research"})
    loopback.ask(REPOSITORY, "other", {"Purpose": "marketing"})
    loopback.login("hf_owner")
    assert {(each.user, each.fields["Purpose"]) for each in requests(REPOSITORY)} == {
        ("reader", "research"), ("other", "marketing"),
    }  # fmt: skip
    assert [each.user for each in requests(REPOSITORY, accept="reader")] == ["other"]
    assert requests(REPOSITORY, reject="other") == []
    assert Actor.from_pretrained(REPOSITORY, token="hf_reader").commit
    with pytest.raises(UserError, match="gated and you have no access"):
        Actor.from_pretrained(REPOSITORY, token="hf_other", cache_dir=loopback.home / "other")


def test_who_does_not_wait_is_not_accepted(loopback):
    publish(loopback, gated="manual")
    loopback.login("hf_owner")
    with pytest.raises(UserError, match=r"reader does not wait for access to owner/anna \(waiting: nobody\)"):
        requests(REPOSITORY, accept="reader")


@pytest.mark.parametrize("token", ["hf_other", "hf_reader"])
def test_only_the_owner_sees_requests(loopback, token):
    publish(loopback, gated="manual")
    loopback.login(token)
    with pytest.raises(UserError, match="write access"):
        requests(REPOSITORY)


def test_requests_need_a_token(loopback):
    with pytest.raises(UserError, match="not logged in"):
        requests(REPOSITORY)
    assert asked(loopback) == []


def test_what_a_push_makes_is_found(loopback, tmp_path):
    from tiny import untrained_actor

    loopback.login("hf_owner")
    push(untrained_actor().save_pretrained(tmp_path / "anna"), REPOSITORY, preview=False)
    [found] = listing(owner="owner", search="anna")
    assert (found.repository, found.private, found.gated, found.withdrawn) == (REPOSITORY, True, True, False)
    assert listing(token=False) == []
