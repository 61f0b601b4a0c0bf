"""An actor: its files (`layout`, `manifest`, `weights`), the actor itself (`model`), and fetching one from the Hub."""

from perfclone.lazy import lazy

__all__ = ["Actor", "ActorConfig"]
__getattr__ = lazy(__name__, dict.fromkeys(__all__, "perfclone.actor.model"))
