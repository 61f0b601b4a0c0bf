"""ST-LPIPS, and LPIPS against torchmetrics' own with one and the same trunk."""

import hashlib

import numpy as np
import pytest
import torch
from drawn import blurred, noisy, scene

from eval import metrics
from eval.networks import lpips
from perfclone.errors import UserError


@pytest.fixture(scope="module")
def pair():
    clean = np.stack([scene(72, 96), scene(72, 96, seed=1)])
    return clean, noisy(blurred(clean, 1.0), 10)


@pytest.fixture(scope="module")
def trunk():
    """A seeded, untrained AlexNet, as torchvision saves it, without its classifier."""
    from torchvision.models import alexnet

    torch.manual_seed(0)
    state = alexnet(weights=None).state_dict()
    return {name: value for name, value in state.items() if name.startswith("features")}


@pytest.fixture
def cache(tmp_path, trunk, monkeypatch):
    """Torch's cache, with that AlexNet in the place of the published one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(trunk, folder / "weights")
    name = f"alexnet-owt-{hashlib.sha256((folder / 'weights').read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(lpips, "TRUNK", name)
    return (folder / "weights").rename(folder / name)


def theirs(trunk, a, b):
    """torchmetrics' LPIPS with its own heads and that trunk."""
    module = pytest.importorskip("torchmetrics.functional.image.lpips")
    network = module._LPIPS(net="alex", pnet_rand=True)
    slices = [part for n in range(1, 6) for part in getattr(network.net, f"slice{n}").named_children()]
    for number, layer in slices:
        if isinstance(layer, torch.nn.Conv2d):
            layer.load_state_dict({key: trunk[f"features.{number}.{key}"] for key in ("weight", "bias")})
    with torch.no_grad():
        return network(*(metrics.as_tensor(x) * 2 - 1 for x in (a, b))).flatten()


def test_lpips_agrees_with_torchmetrics(cache, trunk, pair):
    perceptual = metrics.load_perceptual()
    assert perceptual.name == "lpips_alex"
    ours = perceptual.distance(*(perceptual.features(x) for x in pair))
    expected = theirs(trunk, *pair)
    assert ours.tolist() == pytest.approx(expected.tolist(), abs=1e-4, rel=1e-3)
    assert ours.min() > 1e-3 and abs(ours[0] - ours[1]) > 1e-5


def test_without_the_weights_st_lpips_stands_in_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert metrics.load_perceptual().name == "st_lpips_alex"
    assert not list(tmp_path.iterdir())  # nothing was downloaded


def test_a_damaged_trunk_is_named_and_not_used(cache):
    cache.write_bytes(cache.read_bytes()[:-1])
    with pytest.raises(UserError, match="something else or incomplete"):
        metrics.load_perceptual()


def test_features_compared_are_st_lpips(pair):
    perceptual = metrics.load_perceptual()
    a, b = (perceptual.features(x) for x in pair)
    assert perceptual.distance(a, b).mean().item() == pytest.approx(metrics.st_lpips(*pair), rel=1e-5)
    assert perceptual.distance(a, a).tolist() == [0, 0]
    single = perceptual.distance(*(perceptual.features(x[1:]) for x in pair))
    assert single.item() == pytest.approx(perceptual.distance(a, b)[1].item(), rel=1e-4)
    tensors = [torch.from_numpy(x).permute(0, 3, 1, 2) / 255 for x in pair]
    as_floats = perceptual.distance(*(perceptual.features(x) for x in tensors))
    assert as_floats.tolist() == pytest.approx(perceptual.distance(a, b).tolist(), rel=1e-4)


def test_the_distance_of_a_region_is_that_regions(pair):
    clean, damaged = pair[0][:1], pair[0][:1].copy()
    damaged[:, :, 64:] = pair[1][:1, :, 64:]
    perceptual = metrics.load_perceptual()
    a, b = perceptual.features(clean), perceptual.features(damaged)
    left, right = (np.zeros((1, 72, 96), bool) for _ in range(2))
    left[:, :, :24], right[:, :, 64:] = True, True
    whole = perceptual.distance(a, b).item()
    assert perceptual.distance(a, b, left).item() < 0.1 * whole < 0.5 * perceptual.distance(a, b, right).item()
    assert perceptual.distance(a, b, left | True).item() == pytest.approx(whole, rel=1e-5)
    assert perceptual.distance(a, b, left & False).isnan().all()


def test_what_cannot_be_compared_is_refused_in_a_sentence(pair):
    perceptual = metrics.load_perceptual()
    features = perceptual.features(pair[0][:, :32, :32])
    with pytest.raises(UserError, match="same count and size"):
        perceptual.distance(features, [x[:1] for x in features])
    with pytest.raises(UserError, match="with 1 masks"):
        perceptual.distance(features, features, np.ones((1, 32, 32), bool))
    with pytest.raises(UserError, match=r"at least 32 pixels high and wide, and these are \(2, 31, 96, 3\)"):
        perceptual.features(pair[0][:, :31])
