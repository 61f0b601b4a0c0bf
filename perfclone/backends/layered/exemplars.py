"""Exemplars: filmed frames of the actor that G may copy from, and the choice among them, region by region."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import Conditioning, PartMaps
from perfclone.backends.layered.crop import scaled
from perfclone.backends.layered.parts import ARMS, FACE, JOINTS, PARTS, REGIONS, carrying_frames, firmness, parts_seen
from perfclone.errors import UserError
from perfclone.pose.details import EXPRESSIONS, Details
from perfclone.pose.expression import at_rest
from perfclone.pose.skeleton import KEYPOINTS

_DAMAGED = "The actor's exemplars are damaged; fetch or train the actor again."
#: How many of them a region is shown at a time.
SHOWN = 2
#: Quality of the stored pictures, as WebP counts it.
QUALITY = 90
#: How much a joint counts in the choice for a region: one of its own, a neighbour's, any other; and of the face.
_OWN, _NEIGHBOUR, _OTHER, _OF_FACE = 2.0, 0.6, 0.3, 4.0
#: In torso lengths: what an exemplar that does not show the region, or that may not be used, is further away.
_UNSEEN, _BARRED = 10.0, 100.0
#: Torso lengths by which two poses may differ and yet be as good as one another.
_AS_GOOD = 0.02
#: How near a part another must be to take its place, torso lengths; an arm takes it this much more readily.
SOFTNESS, IN_FRONT = 0.05, 4.0
#: Length of what is known of a face: whether it was found, its rotation, its expression.
FACE_TRAITS = 1 + 3 + len(EXPRESSIONS)
#: Torso lengths that a head turned a radian further, a face of quite another expression, and one that P did not find,
#: as it seldom does of one that looks away, are further from a face that is shown.
_TURNED, _EXPRESSED, _HIDDEN = 0.3, 0.15, 0.3


class Choice(NamedTuple):
    """Which exemplars the regions are shown.

    Attributes:
        index: (B, R, M) int, into the exemplars.
        weight: (B, R, M) float, adding up to 1; it falls to 0 before another exemplar takes the place.
    """

    index: Tensor
    weight: Tensor


class Fetch(Protocol):
    """Takes pixels out of exemplars."""

    def __call__(self, index: Tensor, grid: Tensor) -> Tensor:
        """Fetch pixels.

        Args:
            index: (N,) int, from which exemplars.
            grid: (N, h, w, 2) float, where in them, x and y in [-1, 1] from edge to edge.

        Returns:
            (N, 4, h, w) float in [0, 1], premultiplied RGB and alpha; 0 beyond the edges.
        """


class Exemplars(nn.Module):
    """Filmed frames of the actor, cut out, with the poses that they show.

    Args:
        count: How many, K.
        resolution: Side S of G's crop, pixels.
        coded: Bytes that they take in the file, where they come from one.

    Attributes:
        pictures: (K, 4, S, S) float in [0, 1], premultiplied RGB and alpha.
        keypoints: (K, J, 2) float, places in the picture, [-1, 1] from edge to edge.
        seen: (K, J) uint8, 1 where the joint is known.
        scale: (K,) float, the actor's torso length in the same unit.
        faces: (K, FACE_TRAITS) float, as :func:`face_traits` gives them.
        times: (K,) float, seconds, when they were filmed; None but in training.
    """

    def __init__(self, count: int, resolution: int, coded: int = 0):
        super().__init__()
        self.resolution = resolution
        self.register_buffer("coded", torch.zeros(coded, dtype=torch.uint8))
        self.register_buffer("keypoints", torch.zeros(count, len(KEYPOINTS), 2))
        self.register_buffer("seen", torch.zeros(count, len(KEYPOINTS), dtype=torch.uint8))
        self.register_buffer("scale", torch.ones(count))
        self.register_buffer("faces", torch.zeros(count, FACE_TRAITS))
        for name, value in _tables().items():
            self.register_buffer(name, value, persistent=False)
        for name in ("pictures", "halves", "times", "back", "parts", "firm", "poses", "labels"):
            self.register_buffer(name, None, persistent=False)
        self.conditioning = Conditioning(resolution // 2)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.keypoints)

    def fill(
        self, pictures: Sequence[bytes], keypoints: Tensor, seen: Tensor, scale: Tensor, faces: Tensor, times: Tensor
    ) -> Exemplars:
        """Take exemplars, in place of those that were there.

        Args:
            pictures: K coded pictures, as :func:`code` gives them.
            keypoints: As the attribute; so are the others.
            seen: (K, J) bool.
            scale: (K,).
            faces: (K, FACE_TRAITS).
            times: (K,).
        """
        self.coded = torch.frombuffer(bytearray(b"".join(pictures)), dtype=torch.uint8)
        self.keypoints, self.seen, self.scale = keypoints, seen.to(torch.uint8), scale
        self.faces, self.times = faces, times
        self.open(self.decoded())
        return self

    def open(self, decoded: Sequence[np.ndarray]) -> None:
        """Get ready: find out what each exemplar shows where.

        Args:
            decoded: What :meth:`decoded` gives.
        """
        small = [premultiplied(scaled(picture, self.resolution)) for picture in decoded]
        device, half = self.keypoints.device, self.resolution / 2
        self.pictures = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous().to(device)
        self.halves = F.avg_pool2d(self.pictures, 2)
        now, seen, scale = (self.keypoints.float() + 1) * half, self.seen > 0, self.scale.float() * half
        self.poses, self.parts = now / scale[:, None, None], parts_seen(seen)
        self.firm = self.parts * firmness(now, scale)
        rows = carrying_frames(now, seen, scale)
        linear = torch.where(self.parts[..., None, None], rows[..., :2], torch.eye(2, device=device))
        inverse = torch.linalg.inv(linear.double()).float()
        self.back = torch.cat([inverse, -inverse @ rows[..., 2:]], -1)  # (K, P, 2, 3) part coordinates -> pixels
        self.labels = torch.cat([self._labels(*each) for each in zip(now, seen, scale)])

    def small(self, index: Tensor, grid: Tensor) -> Tensor:
        """:class:`Fetch` pixels of pictures at half of G's resolution."""
        return F.grid_sample(self.halves[index], grid, align_corners=False)

    def usual(self, index: Tensor, grid: Tensor) -> Tensor:
        """:class:`Fetch` pixels of pictures at G's resolution."""
        return F.grid_sample(self.pictures[index], grid, align_corners=False)

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
            pictures.append(_decode(data[at:end]))
            at = end
        if len(pictures) != self.count:
            raise UserError(_DAMAGED)
        return pictures

    def choose(
        self, now: Tensor, seen: Tensor, scale: Tensor, face: Tensor, last: Tensor | None, bar: Tensor | None
    ) -> Choice:
        """Choose for each region the exemplars whose pose around it is nearest.

        Args:
            now: (B, J, 2) crop pixels.
            seen: (B, J) bool.
            scale: (B,) torso length in crop pixels.
            face: (B, FACE_TRAITS) what is known of the face.
            last: ``Choice.index`` of the frame before, so that each exemplar keeps its place; None at a start.
            bar: (B, K) bool, those that may not be chosen, or None.
        """
        distance = self._distances(now / scale[:, None, None], seen)
        distance[..., FACE] += self._unlike(face)
        if bar is not None:
            distance = distance + _BARRED * bar[..., None]
        most = min(SHOWN + 1, self.count)
        nearest = distance.topk(most, 1, largest=False)
        value, index = nearest.values.transpose(1, 2), nearest.indices.transpose(1, 2)
        if most <= SHOWN:  # hardly any: the last stands for those that are missing
            extra = SHOWN + 1 - most
            value, index = (torch.cat([x, x[..., -1:].expand(*x.shape[:2], extra)], -1) for x in (value, index))
        nearness = (value + _AS_GOOD).reciprocal()
        weight = (nearness[..., :SHOWN] - nearness[..., SHOWN:]).clamp(min=1e-4)
        weight = weight.square()  # one of the two should lead: between them, both are seen
        weight, index = weight / weight.sum(-1, keepdim=True), index[..., :SHOWN]
        return Choice(*_in_place(index, weight, last))

    def _distances(self, pose: Tensor, seen: Tensor) -> Tensor:
        """(B, K, R) mean distance of the joints, torso lengths, each region's own laid on one another."""
        both = (seen[:, None] & (self.seen[None] > 0)).float()  # (B, K, J)
        apart = pose[:, None] - self.poses[None]
        own = self.own * both[:, :, None]  # (B, K, R, J)
        shift = torch.einsum("bkrj,bkjd->bkrd", own, apart) / own.sum(-1, keepdim=True).clamp(min=1)
        weight = self.counts * both[:, :, None]
        gap = (apart[:, :, None] - shift[:, :, :, None]).norm(dim=-1)
        mean = (gap * weight).sum(-1) / weight.sum(-1).clamp(min=1e-3)
        return mean + _UNSEEN * ~(self.parts.float() @ self.of_region.T > 0)

    def _unlike(self, face: Tensor) -> Tensor:
        """(B, K) how unlike a face that is shown is to those of the exemplars, torso lengths."""
        shown, found = face[:, None, 0], self.faces[None, :, 0]
        turned = (face[:, None, 1:4] - self.faces[None, :, 1:4]).norm(dim=-1)
        expressed = (face[:, None, 4:] - self.faces[None, :, 4:]).norm(dim=-1)
        return shown * (found * (_TURNED * turned + _EXPRESSED * expressed) + (1 - found) * _HIDDEN)

    def _labels(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
        """(1, R, S / 4, S / 4): which region each pixel of an exemplar belongs to, softly."""
        side = self.resolution // 4
        # half as large a picture, so that the maps are a quarter of it
        now, unit = keypoints[None] / 2, scale[None] / 2
        maps = self.conditioning(now[:, None].expand(-1, 3, -1, -1), seen[None, None].expand(-1, 3, -1), unit)
        return region_shares(maps).transpose(1, 2).view(1, len(REGIONS), side, side)


class Filmed:
    """The pictures at the size that they were filmed in, for frames that are larger than G's crop.

    Args:
        decoded: What :meth:`Exemplars.decoded` gives.
        device: Where they are fetched.

    Attributes:
        device: The same.
        side: Of the largest, pixels.
    """

    def __init__(self, decoded: Sequence[np.ndarray], device: torch.device):
        self.device = device
        self.pictures = [np.rint(255 * premultiplied(each)).astype(np.uint8) for each in decoded]
        self.side = max(len(picture) for picture in self.pictures)
        self.on_device = (
            None if device.type == "cpu" else [torch.from_numpy(each).to(device) for each in self.pictures]
        )

    def __call__(self, index: Tensor, grid: Tensor) -> Tensor:
        """See :class:`Fetch`."""
        return torch.stack([self._fetch(k, where) for k, where in zip(index.tolist(), grid)])

    def _fetch(self, k: int, grid: Tensor) -> Tensor:
        if self.on_device:
            picture = self.on_device[k].permute(2, 0, 1)[None].float() / 255
            return F.grid_sample(picture, grid[None], align_corners=False)[0]
        places = ((grid + 1) * (len(self.pictures[k]) / 2) - 0.5).numpy()
        pixels = cv2.remap(self.pictures[k], places, None, cv2.INTER_CUBIC)
        return torch.from_numpy(pixels).permute(2, 0, 1).float().div_(255)


def face_traits(details: Details) -> np.ndarray:
    """(..., FACE_TRAITS) float32 what is known of faces: 1 where one was found, yaw, pitch, roll, expression."""
    found = (details.face_score > 0)[..., None].astype(np.float32)
    return np.concatenate([found, found * details.head, found * details.expression], -1)


def region_shares(maps: PartMaps) -> Tensor:
    """(B, N, R) which region a pixel belongs to: the nearest, but rather an arm than what may lie behind it."""
    near = nearness(maps.reach)
    own = torch.stack([near[..., list(parts)].amax(-1) * (IN_FRONT if r in ARMS else 1) for r, parts in
                       enumerate(REGIONS)], -1)  # fmt: skip
    return own / own.sum(-1, keepdim=True).clamp(min=1e-12)


def nearness(reach: Tensor) -> Tensor:
    """How near something is to a part, of ``PartMaps.reach``: 1 on it, falling as the fourth power of the distance."""
    return (reach / SOFTNESS**2 + 1).square().reciprocal()


def code(picture: np.ndarray) -> bytes:
    """A picture (S, S, 4) uint8 straight RGBA as it is stored."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY, alpha_quality=QUALITY, method=4)
    return file.getvalue()


def premultiplied(picture: np.ndarray) -> np.ndarray:
    """(S, S, 4) uint8 straight RGBA -> float32 in [0, 1], premultiplied."""
    values = picture.astype(np.float32) / 255
    values[..., :3] *= values[..., 3:]
    return values


def _decode(data: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if picture.width != picture.height or picture.width > 4096:
                raise ValueError("not an exemplar")
            return np.asarray(picture.convert("RGBA"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(_DAMAGED) from error


def _in_place(index: Tensor, weight: Tensor, last: Tensor | None) -> tuple[Tensor, Tensor]:
    """Exchange the two exemplars of a region where one of them was in the other's place a frame ago."""
    if last is None:
        return index, weight
    swapped = ((index == last.flip(-1)).any(-1) & ~(index == last).any(-1))[..., None]
    return torch.where(swapped, index.flip(-1), index), torch.where(swapped, weight.flip(-1), weight)


def _tables() -> dict[str, Tensor]:
    """What the choice and the copying know of the regions.

    Returns:
        own: (R, J) 1 for a region's own joints; counts: (R, J) how much a joint counts;
        of_region: (R, P) 1 for a region's parts; near: (R, P) 1 for these and the parts that share a joint with them.
    """
    shape = (len(REGIONS), len(KEYPOINTS))
    own, counts = torch.zeros(shape, device="cpu"), torch.full(shape, _OTHER, device="cpu")
    of_region, near = (torch.zeros(len(REGIONS), PARTS, device="cpu") for _ in range(2))
    for r, parts in enumerate(REGIONS):
        mine = {joint for part in parts for joint in JOINTS[part]}
        beside = [part for part in range(PARTS) if mine & set(JOINTS[part])]
        near[r, beside], of_region[r, list(parts)] = 1, 1
        counts[r, list({joint for part in beside for joint in JOINTS[part]})] = _NEIGHBOUR
        counts[r, list(mine)] = _OF_FACE if r == FACE else _OWN
        own[r, list(mine)] = 1
    return {"own": own, "counts": counts, "of_region": of_region, "near": near}
