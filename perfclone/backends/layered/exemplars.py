"""Exemplars: filmed frames of the actor that G may copy from, and what each of them shows where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered import features, fingers
from perfclone.backends.layered.choice import FACE_TRAITS, Chooser, covered
from perfclone.backends.layered.conditioning import Conditioning, PartMaps
from perfclone.backends.layered.crop import scaled
from perfclone.backends.layered.parts import (
    ARMS,
    LEGS,
    REGIONS,
    TORSO,
    carrying_frames,
    firmness,
    limb_lengths,
    parts_seen,
)
from perfclone.backends.layered.pictures import DAMAGED, decode, premultiplied
from perfclone.errors import UserError
from perfclone.pose.expression import at_rest
from perfclone.pose.skeleton import KEYPOINTS

#: How near a part another must be to take its place, torso lengths; an arm takes it this much more readily.
SOFTNESS, IN_FRONT = 0.05, 4.0
#: In the torso's coordinates: from where down clothes of the trunk may be a skirt, which legs show too; how softly.
_HIPS, _SKIRT = 0.8, 0.3


class Exemplars(nn.Module):
    """Filmed frames of the actor, cut out, with the poses that they show.

    Args:
        count: How many, K.
        resolution: Side S of G's crop, pixels.
        coded: Bytes that they take in the file, where they come from one.
        marks: Points of the face that are known of each.
        hands: Points of a hand that are.

    Attributes:
        pictures: (K, 4, S, S) float in [0, 1], premultiplied RGB and alpha.
        keypoints: (K, J, 2) float, places in the picture, [-1, 1] from edge to edge.
        seen: (K, J) uint8, 1 where the joint is known.
        scale: (K,) float, the actor's torso length in the same unit.
        faces: (K, FACE_TRAITS) float, as :func:`face_traits` gives them.
        marks: (K, P, 2) float, the face's ``features.MARKS``, places in the picture; all 0 where no face was found.
            None where none was looked for.
        hands: (K, 2, P, 2) float, the points of the right and the left hand, places in the picture; all 0 where
            that hand was not found. None where none was looked for.
        times: (K,) float, seconds, when they were filmed; None but in training.
    """

    def __init__(self, count: int, resolution: int, coded: int = 0, marks: int = 0, hands: int = 0):
        super().__init__()
        self.resolution = resolution
        self.register_buffer("coded", torch.zeros(coded, dtype=torch.uint8))
        self.register_buffer("keypoints", torch.zeros(count, len(KEYPOINTS), 2))
        self.register_buffer("seen", torch.zeros(count, len(KEYPOINTS), dtype=torch.uint8))
        self.register_buffer("scale", torch.ones(count))
        self.register_buffer("faces", torch.zeros(count, FACE_TRAITS))
        self.register_buffer("marks", torch.zeros(count, marks, 2) if marks else None)
        self.register_buffer("hands", torch.zeros(count, 2, hands, 2) if hands else None)
        for name in (
            "pictures",
            "halves",
            "times",
            "back",
            "parts",
            "firm",
            "lengths",
            "covered",
            "blurred",
            "poses",
            "labels",
            "tones",
            "palms",
            "doubts",
        ):
            self.register_buffer(name, None, persistent=False)
        self.conditioning, self.chooser = Conditioning(resolution // 2), Chooser()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.keypoints)

    def fill(
        self,
        pictures: Sequence[bytes],
        keypoints: Tensor,
        seen: Tensor,
        scale: Tensor,
        faces: Tensor,
        times: Tensor,
        marks: Tensor | None = None,
        hands: Tensor | None = None,
    ) -> Exemplars:
        """Take exemplars, in place of those that were there.

        Args:
            pictures: K coded pictures, as :func:`code` gives them.
            keypoints: As the attribute; so are the others.
            seen: (K, J) bool.
            scale: (K,).
            faces: (K, FACE_TRAITS).
            times: (K,).
            marks: (K, P, 2), or None.
            hands: (K, 2, P, 2), or None.
        """
        self.coded = torch.frombuffer(bytearray(b"".join(pictures)), dtype=torch.uint8)
        self.keypoints, self.seen, self.scale = keypoints, seen.to(torch.uint8), scale
        self.faces, self.times, self.marks, self.hands = faces, times, marks, hands
        self.open(self.decoded())
        return self

    @property
    def marked(self) -> Tensor:
        """(K,) bool, of which the face's marks are known."""
        return self.marks.abs().amax((1, 2)) > 0

    def open(self, decoded: Sequence[np.ndarray]) -> None:
        """Get ready: find out what each exemplar shows where.

        Args:
            decoded: What :meth:`decoded` gives.
        """
        small = [premultiplied(scaled(picture, self.resolution)) for picture in decoded]
        device, half = self.keypoints.device, self.resolution / 2
        self.pictures = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous().to(device)
        self.halves = F.avg_pool2d(self.pictures, 2)
        if self.marks is not None:
            self.tones = features.tones(F.avg_pool2d(self.halves, 4), self.marks)
        now, seen, scale = (self.keypoints.float() + 1) * half, self.seen > 0, self.scale.float() * half
        self.poses, self.parts = now / scale[:, None, None], parts_seen(seen)
        self.firm = self.parts * firmness(now, scale)
        self.covered = covered(now, seen, scale)
        self.lengths = limb_lengths(now, scale)
        rows = carrying_frames(now, seen, scale)
        linear = torch.where(self.parts[..., None, None], rows[..., :2], torch.eye(2, device=device))
        inverse = torch.linalg.inv(linear.double()).float()
        self.back = torch.cat([inverse, -inverse @ rows[..., 2:]], -1)  # (K, P, 2, 3) part coordinates -> pixels
        self.labels = torch.cat([self._labels(*each) for each in zip(now, seen, scale)])
        if self.hands is not None:
            self.palms = fingers.filmed_at(self.hands, self.scale.float(), self.resolution // 4)
            self.doubts = fingers.doubts(self.pictures, self.hands)
            self.labels[:, list(ARMS)] = torch.maximum(self.labels[:, list(ARMS)], self.palms)
        self.blurred = _blurred(self.pictures, self.labels)

    def small(self, index: Tensor, grid: Tensor) -> Tensor:
        """:class:`Fetch` pixels of pictures at half of G's resolution."""
        return _fetched(self.halves, index, grid)

    def usual(self, index: Tensor, grid: Tensor) -> Tensor:
        """:class:`Fetch` pixels of pictures at G's resolution."""
        return _fetched(self.pictures, index, grid)

    @property
    def neutral(self) -> np.ndarray | None:
        """(52,) the actor's face at rest, or None where no exemplar shows it."""
        found, faces = self.faces[:, 0] > 0, self.faces.float().cpu().numpy()
        return at_rest(faces[found.cpu().numpy(), 4:]) if found.any() else None

    def decoded(self) -> list[np.ndarray]:
        """The K pictures as they are stored: (S, S, 4) uint8 straight RGBA, each of its own side.

        Raises:
            UserError: They are not what this class writes.
        """
        data, pictures, at = self.coded.cpu().numpy().tobytes(), [], 0
        while at < len(data):  # each file begins with how long it is
            end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            pictures.append(decode(data[at:end]))
            at = end
        if len(pictures) != self.count:
            raise UserError(DAMAGED)
        return pictures

    def _labels(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
        """(1, R, S / 4, S / 4): which regions may show each pixel of an exemplar, softly."""
        side = self.resolution // 4
        # half as large a picture, so that the maps are a quarter of it
        now, unit = keypoints[None] / 2, scale[None] / 2
        maps = self.conditioning(now[:, None].expand(-1, 3, -1, -1), seen[None, None].expand(-1, 3, -1), unit)
        return _joined(maps).transpose(1, 2).view(1, len(REGIONS), side, side)


def _blurred(pictures: Tensor, labels: Tensor) -> Tensor:
    """(K, R) in [0, 1] how much of its edges each region lacks, by the Laplacian, beside the sharpest exemplars."""
    inner = -F.max_pool2d(-(pictures[:, 3:] > 0.9).float(), 3, 1, 1)
    kernel = torch.tensor([[0, 1.0, 0], [1, -4, 1], [0, 1, 0]], device=pictures.device)
    edges = F.conv2d(pictures[:, :3].mean(1, keepdim=True), kernel[None, None], padding=1).abs() * inner
    of = F.interpolate(labels, size=pictures.shape[2:], mode="bilinear") * inner
    energy = (edges * of).sum((2, 3)) / of.sum((2, 3)).clamp(min=20)
    return (1 - energy / energy.quantile(0.9, 0).clamp(min=1e-6)).clamp(0, 1)


def _joined(maps: PartMaps) -> Tensor:
    """(B, N, R) what regions may show: what belongs to them, and for a skirt's sake trunk and legs of one another."""
    shares = region_shares(maps)
    trunk, legs = shares[..., :1].clone(), shares[..., list(LEGS)]
    below = ((maps.uv[:, :, TORSO, 1:] / 0.7 - _HIPS) / _SKIRT).clamp(0, 1)
    shares[..., :1] += legs.sum(-1, keepdim=True)
    shares[..., list(LEGS)] += trunk * below
    return shares


def _fetched(pictures: Tensor, index: Tensor, grid: Tensor) -> Tensor:
    """Sample pictures bilinearly; on a CPU one by one, where to copy them out takes longer than to sample them."""
    if pictures.device.type != "cpu":
        return F.grid_sample(pictures[index], grid, align_corners=False)
    each = zip(index.tolist(), grid)
    return torch.cat([F.grid_sample(pictures[k : k + 1], at[None], align_corners=False) for k, at in each])


def region_shares(maps: PartMaps) -> Tensor:
    """(B, N, R) which region a pixel belongs to: the nearest, but rather an arm than what may lie behind it."""
    near = nearness(maps.reach)
    own = torch.stack([near[..., list(parts)].amax(-1) * (IN_FRONT if r in ARMS else 1) for r, parts in
                       enumerate(REGIONS)], -1)  # fmt: skip
    return own / own.sum(-1, keepdim=True).clamp(min=1e-12)


def nearness(reach: Tensor) -> Tensor:
    """How near something is to a part, of ``PartMaps.reach``: 1 on it, falling as the fourth power of the distance."""
    return (reach / SOFTNESS**2 + 1).square().reciprocal()
