"""Point the genuine client, which a test session imports offline, to the loopback Hub."""

import os
from pathlib import Path

from .server import HubServer

#: Where the client writes, below HF_HOME.
PATHS = {
    "HF_HOME": "",
    "HF_HUB_CACHE": "hub",
    "HUGGINGFACE_HUB_CACHE": "hub",
    "default_cache_path": "hub",
    "HF_ASSETS_CACHE": "assets",
    "HUGGINGFACE_ASSETS_CACHE": "assets",
    "default_assets_cache_path": "assets",
    "HF_XET_CACHE": "xet",
    "default_xet_cache_path": "xet",
    "HF_TOKEN_PATH": "token",
    "HF_STORED_TOKENS_PATH": "stored_tokens",
    "CHECK_FOR_UPDATE_DONE_PATH": ".check_for_update_done",
    "CHECK_FOR_SKILL_UPDATE_DONE_PATH": ".check_for_skill_update_done",
    "AGENT_HARNESSES_PATH": ".agent_harnesses.json",
}
#: What would lead the client past the settings below, were it set where the tests run.
UNSET = [
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
    *("HF_ASSETS_CACHE", "HUGGINGFACE_ASSETS_CACHE", "HF_XET_CACHE", "TRANSFORMERS_OFFLINE", "HF_HUB_ETAG_TIMEOUT"),
    *("HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DOWNLOAD_TIMEOUT", "HF_OIDC_RESOURCE", "HUGGINGFACE_CO_STAGING"),
]
HOSTS = "127.0.0.1,127.0.0.2"


class Loopback(HubServer):
    """A HubServer that the client of this process talks to until ``monkeypatch`` is undone."""

    def __init__(self, listener, monkeypatch, home):
        super().__init__(listener)
        self.home = Path(home)
        self._monkeypatch = monkeypatch
        reconfigure(self.url, self.home, monkeypatch)

    def login(self, token):
        """Send this token from now on wherever the client is given none."""
        self._monkeypatch.setenv("HF_TOKEN", token)

    def unplug(self, url="http://127.0.0.1:9"):
        """Let the client of this process ask elsewhere, by default where nobody listens."""
        from huggingface_hub import constants

        self._monkeypatch.setattr(constants, "ENDPOINT", url)

    def env(self, token=None, home=None):
        """The environment of a fresh process whose client talks to this server."""
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        settings = settings_of(self.url, home or self.home)
        return {**kept, **settings, **({"HF_TOKEN": token} if token else {})}


def settings_of(url, home):
    """What a fresh process needs, and what this one gets too, for whatever reads its environment late."""
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    return {**settings, **quiet, "NO_PROXY": HOSTS, "no_proxy": HOSTS}


def reconfigure(url, home, monkeypatch):
    """Give the imported client the settings that a fresh process would read from its environment.

    The client reads its environment once, at import, which in a test session happens offline. So the constants are
    set here, and only constants: every function stays the genuine one. Four of them were copied at import: the
    endpoint of the ``api`` object behind the module's functions, the cache folders of two helpers, and the endpoint
    of the git helper. Two more are left alone, as they only widen where tokens may go: the sets of trusted hosts,
    in which the real Hub stands, while a redirect within the loopback host is trusted anyway. The default timeouts
    of the functions (10 s) and the back-off (1 s before the first retry) cannot be configured.
    """
    from huggingface_hub import constants, hf_api
    from huggingface_hub.utils import _cache_assets, _cache_manager, _git_credential

    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings_of(url, home).items():
        monkeypatch.setenv(name, value)
    for name, place in PATHS.items():
        monkeypatch.setattr(constants, name, str(home / place))
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    monkeypatch.setattr(hf_api.api, "endpoint", url)
    monkeypatch.setattr(_git_credential, "ENDPOINT", url)
    monkeypatch.setattr(_cache_manager, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(_cache_assets, "HF_ASSETS_CACHE", str(home / "assets"))
