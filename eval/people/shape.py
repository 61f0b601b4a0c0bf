"""The body itself: from a phenotype to the vertices and bones of the base mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from perfclone.errors import UserError

from ..synthetic.rig import Rig
from .convert import STEP

#: What a word in a target's name stands for: the phenotype, and at which of its values the word holds fully.
_ANCHORS = {
    "female": ("sex", 0.0), "male": ("sex", 1.0),
    "child": ("age", 1 / 3), "young": ("age", 2 / 3), "old": ("age", 1.0),
    "minmuscle": ("muscle", 0.0), "averagemuscle": ("muscle", 0.5), "maxmuscle": ("muscle", 1.0),
    "minweight": ("weight", 0.0), "averageweight": ("weight", 0.5), "maxweight": ("weight", 1.0),
    "minheight": ("height", 0.0), "maxheight": ("height", 1.0),
    "idealproportions": ("proportions", 0.0), "uncommonproportions": ("proportions", 1.0),
    "mincup": ("cup", 0.0), "averagecup": ("cup", 0.5), "maxcup": ("cup", 1.0),
    "minfirmness": ("firmness", 0.0), "averagefirmness": ("firmness", 0.5), "maxfirmness": ("firmness", 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Phenotype:
    """What a body is like, each from 0 to 1.

    Attributes:
        sex: 0 a woman, 1 a man.
        age: 1/3 a child, 2/3 25 years, 1 very old.
        muscle, weight, height, cup, firmness: Least to most.
        proportions: 0 ideal to 1 unusual.
        african, asian, caucasian: Shares of the three groups that the faces were modelled on.
        details: Name of a small change -> how much of it.
    """

    sex: float = 0.0
    age: float = 2 / 3
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    cup: float = 0.5
    firmness: float = 0.5
    african: float = 1 / 3
    asian: float = 1 / 3
    caucasian: float = 1 / 3
    details: tuple[tuple[str, float], ...] = ()


class Base:
    """The base mesh as it was fetched, opened once a process.

    Attributes:
        arrays: What `convert.body` wrote.
        targets: (N, V, 3) int16, moves of the vertices, in `STEP` m.
        names: Target -> its place in `targets`.
    """

    def __init__(self, folder: Path):
        try:
            with np.load(folder / "body.npz", allow_pickle=False) as file:
                self.arrays = {name: file[name] for name in file.files}
            self.targets = np.load(folder / "targets.npy", mmap_mode="r")
        except OSError as error:
            raise UserError(f"There are no bodies in {folder}; run `python -m eval.people.assets` first.") from error
        self.names = {str(name): i for i, name in enumerate(self.arrays["targets"])}

    def details(self) -> list[str]:
        """The small changes that there are of faces."""
        return [n for n in self.names if not n.startswith(("macrodetails", "breast"))]

    def shaped(self, phenotype: Phenotype) -> np.ndarray:
        """The base mesh of a body, (V, 3) float64 m, feet anywhere."""
        out = self.arrays["vertices"].astype(np.float64)
        for name, i in self.names.items():
            share = _share(name, phenotype) if name.startswith(("macrodetails", "breast")) else 0.0
            if share > 1e-3:
                out += share * STEP * self.targets[i]
        for name, share in phenotype.details:
            out += share * STEP * self.targets[self.names[name]]
        return out

    def rig(self, vertices: np.ndarray) -> Rig:
        """The bones of a shaped body (V, 3)."""
        arrays = self.arrays
        names = tuple(str(name) for name in arrays["bones"])
        heads, tails = (vertices[arrays[end]].mean(1) for end in ("heads", "tails"))
        return Rig(names, arrays["parents"], heads, tails)


@cache
def base(folder: Path) -> Base:
    """The base mesh in a folder that `assets.fetch` filled."""
    return Base(folder)


def _share(name: str, phenotype: Phenotype) -> float:
    """How much of a target a body has: the product of what its name says, linear between the neighbouring values."""
    product = 1.0
    for word in name.rsplit("/", 1)[-1].split("-"):
        if word in ("african", "asian", "caucasian"):
            total = phenotype.african + phenotype.asian + phenotype.caucasian
            product *= getattr(phenotype, word) / total
        elif word in _ANCHORS:
            kind, at = _ANCHORS[word]
            anchors = sorted(v for k, v in _ANCHORS.values() if k == kind)
            product *= float(np.interp(getattr(phenotype, kind), anchors, [float(v == at) for v in anchors]))
    return product
