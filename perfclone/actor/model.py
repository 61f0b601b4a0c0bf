"""Actor: G's weights, the plate, the body and the filmed poses of one person; one folder, one Hub repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from perfclone.actor.config import ActorConfig
from perfclone.actor.layout import CONFIG, LOADED, MANIFEST, WEIGHTS, place
from perfclone.actor.manifest import Manifest
from perfclone.actor.weights import Hollow, read_weights, weights_bytes
from perfclone.backends import backend
from perfclone.builtin import find_actor
from perfclone.companions import companion
from perfclone.errors import UserError
from perfclone.files.writing import read_together, write_together
from perfclone.governance.consent.record import CONSENT, ConsentRecord
from perfclone.pose.body import Body
from perfclone.pose.skeleton import KEYPOINTS
from perfclone.pose.stance import Stance

#: Poses of the reference that travel with an actor, to tell which driving poses were never filmed.
BANK = 256


class Actor(nn.Module):
    """A trained actor.

    Attributes:
        config: Its description.
        generator: G.
        plate: (H, W, 3) uint8 RGB, the empty background.
        pose_bank: (N, J, 2) float32, torso lengths around the middle of the hips: poses of the reference video.
        pose_bank_scores: (N, J) uint8, 1 where the joint is known.
        consent: What the person agreed to; an actor without it can be looked at, but nothing is generated of it.
        commit: Of the Hub's repository that it was loaded from, 40 hex digits; None for a folder.
    """

    consent: ConsentRecord | None
    commit: str | None

    def __init__(self, config: ActorConfig):
        super().__init__()
        self.config = config
        self.consent = self.commit = None
        self.generator = backend(config.backend).network(config.generator)
        joints = (config.poses, len(KEYPOINTS))
        self.register_buffer("plate", torch.zeros(config.height, config.width, 3, dtype=torch.uint8))
        self.register_buffer("pose_bank", torch.zeros(*joints, 2))
        self.register_buffer("pose_bank_scores", torch.zeros(*joints, dtype=torch.uint8))

    @property
    def body(self) -> Body:
        """The actor's body in the frame."""
        return self.config.body

    def stance(self, body: Body) -> Stance | None:
        """How the actor stood when filmed, in frames where they have this body; None where the bank shows nobody."""
        return Stance.find(self.pose_bank, self.pose_bank_scores, body)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write ``config.json``, ``model.safetensors`` (16-bit) and ``consent.json``, all or none; other files stay.

        Without a record there is no ``consent.json`` afterwards, and never a manifest: those of an actor who stood
        there are not this one's.

        Raises:
            ConsentError: The record is not signed, or was changed after it was.
        """
        folder = Path(folder)
        if self.consent:
            self.consent.verify()
        write_together(folder, {CONSENT: None, MANIFEST: None, **self.files()})
        return folder

    def files(self) -> dict[str, bytes]:
        """Give the contents of ``config.json``, ``model.safetensors`` and, with a record, ``consent.json``."""
        files = {CONFIG: self.config.to_json().encode(), WEIGHTS: weights_bytes(self.state_dict())}
        return {**files, CONSENT: self.consent.to_bytes()} if self.consent else files

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Actor:
        """Load an actor; safetensors only, every file, tensor and the consent checked.

        A record that is not signed or was changed is refused. One that is over or was revoked is not, since whether
        something may be generated is asked each time, by :func:`perfclone.governance.policy.authorise_clone`; but an
        actor whose consent was revoked on the Hub does not load from there, see :mod:`perfclone.actor.remote.fetch`.

        Args:
            name: A folder, a built-in actor's name, or a Hub repository id such as "owner/anna".
            revision: Commit, tag or branch on the Hub.
            token: Hub token; None takes the one that is logged in, False takes none.
            cache_dir: Where the Hub's files are kept.
            local_files_only: Do not ask the Hub.

        Raises:
            FileNotFoundError: There is neither such a folder or built-in actor, nor such a repository for this user.
            UserError: The files do not hold an actor, or the Hub does not give them.
        """
        found = find_actor(name)
        if isinstance(found, Path):
            return read_together(found, lambda: cls._load(found))  # training may write a better one just now
        from perfclone.actor.remote.fetch import fetch

        fetched = fetch(found, revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        actor = cls._load(fetched.folder)
        actor.commit = fetched.commit
        return actor

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "Push the actor with perfclone",
        private: bool = True,
        gated: bool = True,
        token: str | None = None,
        **how,
    ) -> str:
        """Push to the Hub with card, poster, preview and manifest, in one commit; see ``hub.publish.push``.

        Args:
            repo_id: "owner/name"; made if it is not there.
            commit_message: Its first line.
            private: Let only the owner see the repository.
            gated: Let people have the files only after the owner accepted their request.
            token: Hub token; None takes the one that is logged in.
            **how: ``report``, ``commands``, ``preview`` and ``licence`` of ``push``.

        Returns:
            The new commit's 40 hex digits.

        Raises:
            ConsentError: There is no consent record, or it does not hold today.
            UserError: The Hub refuses.
        """
        push = companion("hub", "publish").push
        return push(self, repo_id, private=private, gated=gated, message=commit_message, token=token, **how).commit

    @classmethod
    def _load(cls, folder: Path) -> Actor:
        paths = {name: place(folder, name) for name in LOADED}
        for name in (CONFIG, WEIGHTS):
            if paths[name] is None:
                raise UserError(
                    f"{folder} is not an actor: it has no {name}; train one with `python -m perfclone train`."
                )
        record = ConsentRecord.load(paths[CONSENT]) if paths[CONSENT] else None
        if record:
            record.verify()
        if paths[MANIFEST]:
            # A record that was revoked since differs from the one that was saved; nothing is allowed by it.
            held = (CONFIG, WEIGHTS) if record and record.revoked else (CONFIG, WEIGHTS, CONSENT)
            Manifest.load(paths[MANIFEST]).check({name: paths[name] for name in held})
        with Hollow():
            actor = cls(ActorConfig.load(paths[CONFIG]))
        actor.load_state_dict(read_weights(paths[WEIGHTS], actor.state_dict()), strict=True, assign=True)
        actor.consent = record
        return actor.eval().requires_grad_(False)


def pose_bank(normalised: np.ndarray, scores: np.ndarray) -> tuple[Tensor, Tensor]:
    """At most BANK evenly spread poses of (T, J, 2) and (T, J), as an actor keeps them."""
    chosen = np.unique(np.linspace(0, len(normalised) - 1, min(BANK, len(normalised))).astype(int))
    return torch.from_numpy(normalised[chosen]), torch.from_numpy((scores[chosen] > 0).astype(np.uint8))
