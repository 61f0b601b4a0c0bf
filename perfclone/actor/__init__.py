"""An actor: `model` is it, `layout`, `config`, `manifest` and `weights` its files, `remote` fetches it."""

from perfclone.lazy import lazy

_WHERE = {"Actor": "perfclone.actor.model", "ActorConfig": "perfclone.actor.config"}
__all__ = ["Actor", "ActorConfig"]
__getattr__ = lazy(__name__, _WHERE)
