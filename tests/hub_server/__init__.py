"""A loopback Hub for the tests: models and Spaces, commits, LFS, gated access, and faults on request."""

from .client import Loopback
from .server import HubServer

__all__ = ["HubServer", "Loopback"]
