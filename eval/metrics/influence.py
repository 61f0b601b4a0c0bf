"""What each frame adds to a distance of two sets, so that its interval can be told as that of any mean.

A distance T of sets is no mean over frames, but near enough it is one of T + IF(t), IF its empirical influence
function (Hampel, JASA 1974; the infinitesimal jackknife of Jaeckel, Bell Labs 1972). The values here have T itself as
their mean, and drawing them anew in blocks of frames gives T's interval to first order; the differences of two
methods' values on the same frames give that of the difference. Frame t is drawn on both sides at once, as the videos
show it.
"""

from __future__ import annotations

import numpy as np


def frechet_by_frame(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """What each frame adds to the Frechet distance of Heusel et al., NeurIPS 2017.

    With A and B the centred features over the root of N - 1, tr (C_r C_f)^(1/2) is the sum of the singular values of
    A B' = U S V', and its derivative by the weight of frame t is half of (U S U' + V S V')[t, t].

    Args:
        real: (N, F) features.
        fake: (N, F) features of the same frames; N of at least 2.

    Returns:
        (N,) float64 whose mean is the distance.
    """
    n = len(real)
    means = real.mean(0), fake.mean(0)
    a, b = (np.asarray(x - mean, np.float64) for x, mean in zip((real, fake), means))
    apart = means[0] - means[1]
    u, s, vt = np.linalg.svd(a @ b.T)
    shared = np.square(u) @ s + np.square(vt.T) @ s
    spread = np.square(a).sum(1) + np.square(b).sum(1) - shared
    return apart @ apart + 2 * (a - b) @ apart + spread * n / (n - 1)


def kernel_by_frame(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """What each frame adds to the kernel distance of Binkowski et al., ICLR 2018, times 1000.

    The distance is a mean over pairs of frames; a frame counts with the mean of its own pairs, twice, less the whole
    (Hoeffding's projection of a U-statistic, Annals of Mathematical Statistics 1948).

    Args:
        real: (N, F) features.
        fake: (N, F) features of the same frames; N of at least 2.

    Returns:
        (N,) float64 whose mean is the distance.
    """
    n, features = real.shape
    real, fake = (np.asarray(x, np.float64) for x in (real, fake))
    own = sum((kernel := _kernel(x, x, features)).sum(1) - np.diag(kernel) for x in (real, fake)) / (n - 1)
    across = _kernel(real, fake, features)
    pairs = 1000 * (own - (across.sum(0) + across.sum(1)) / n)
    return 2 * pairs - pairs.mean()


def _kernel(x: np.ndarray, y: np.ndarray, features: int) -> np.ndarray:
    return (x @ y.T / features + 1) ** 3
