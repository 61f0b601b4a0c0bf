"""What the Hub and the network say, in one sentence with what to do next; and trying again where that may help."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TypeVar

from perfclone.errors import UserError
from perfclone.files.writing import FULL

log = logging.getLogger(__name__)
T = TypeVar("T")
#: Seconds between tries of a call that failed for a reason that may pass.
WAITS = (1.0, 2.0, 4.0)
#: Seconds after which a failed call is not made again.
LONG = 5.0
#: Seconds that the Hub may take to answer; the client by itself waits for ever.
PATIENCE = 10.0
#: What a server says that is busy, restarting or behind a broken gateway.
PASSING = frozenset({408, 429, 500, 502, 503, 504})


def require_repo_id(repo_id: str) -> None:
    """Refuse what is no "owner/name".

    Raises:
        UserError: It is something else.
    """
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repo_id) or ".." in repo_id or "--" in repo_id:
        raise UserError(f"{repo_id!r} is no Hub repository; name it as OWNER/NAME, such as studio/anna.")


def retried(call: Callable[[], T]) -> T:
    """Call something that may be called twice, again after a while if the network or the server was at fault.

    A call that failed after :data:`LONG` is not made again: the client has waited or tried again by itself, as it does
    for lists and downloads, which takes it 23 s when the Hub cannot be reached.
    """
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError

    for wait in WAITS:
        began = time.monotonic()
        try:
            return call()
        except (TransportError, HfHubHTTPError) as error:
            if not passing(error) or time.monotonic() - began > LONG:
                raise
            log.info("%s; trying again in %s s", type(error).__name__, wait)
            time.sleep(wait)
    return call()


def passing(error: Exception) -> bool:
    """Whether an error may be gone at the next try."""
    from httpx2 import TransportError

    return isinstance(error, TransportError) or status_of(error) in PASSING


def token_refused(error: Exception) -> bool:
    """Whether the Hub refuses the token itself, which expired or never was one, whatever it is asked for."""
    from huggingface_hub.errors import RepositoryNotFoundError

    return status_of(error) == 401 and not isinstance(error, RepositoryNotFoundError)


def no_hub(error: Exception) -> bool:
    """Whether what answered is no Hub, but a proxy or the login page of a hotel."""
    from huggingface_hub.errors import FileMetadataError

    unsaid = status_of(error) == 404 and "x-error-code" not in error.response.headers
    return unsaid or isinstance(error, FileMetadataError | JSONDecodeError)


@contextmanager
def explained(repo_id: str, doing: str, outcome: str = "") -> Iterator[None]:
    """Turn what the client raises inside the block into a sentence.

    Args:
        repo_id: The repository.
        doing: What failed, such as "push to owner/anna".
        outcome: What that left behind, a sentence; it is added.

    Raises:
        UserError: In place of an error of the client, the network or the disk.
    """
    from httpx2 import TransportError
    from huggingface_hub.errors import (
        FileMetadataError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        yield
    except UserError:
        raise
    except LocalEntryNotFoundError as error:
        # The client's word for "not in the cache, and could not be asked for"; why is in its cause.
        with explained(repo_id, doing, outcome):
            raise error.__cause__ or error.__context__ or TransportError(str(error)) from error
    except FileNotFoundError:
        raise
    except LocalTokenNotFoundError as error:
        raise _sentence(doing, "you are not logged in", "run `hf auth login` or set HF_TOKEN", outcome) from error
    except OfflineModeIsEnabled as error:
        raise _sentence(doing, "HF_HUB_OFFLINE is set", "unset it and try again", outcome) from error
    except HFValidationError as error:
        raise _sentence(doing, f"{repo_id!r} is no repository name", "name it as OWNER/NAME", outcome) from error
    except HfHubHTTPError as error:
        raise _sentence(doing, *_answer(error, repo_id), outcome) from error
    except TransportError as error:
        what = f"the Hub cannot be reached ({type(error).__name__})"
        raise _sentence(doing, what, "check the network and run the same command again", outcome) from error
    except RuntimeError as error:
        # The upload of large files wraps what went wrong in a RuntimeError of its own.
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _sentence(doing, *_answer(error.__cause__, repo_id), outcome) from error
        if not isinstance(error.__cause__, TransportError):
            raise
        what = f"the upload broke off ({type(error.__cause__).__name__})"
        raise _sentence(doing, what, "run the same command again: what arrived is kept", outcome) from error
    except (FileMetadataError, JSONDecodeError) as error:
        what = "what answers is no Hugging Face Hub"
        raise _sentence(doing, what, "check HF_ENDPOINT, the firewall and the proxy", outcome) from error
    except OSError as error:
        if error.errno in FULL:
            raise _sentence(doing, "the disk is full", "free some space and try again", outcome) from error
        if error.errno is not None:
            raise
        # The client's word for a file that did not have its size when the transfer ended.
        raise _sentence(doing, "a file did not arrive whole", "run the same command again", outcome) from error


def _sentence(doing: str, why: str, advice: str, outcome: str) -> UserError:
    return UserError(f"Cannot {doing}: {why}; {advice}.{f' {outcome}' if outcome else ''}")


def status_of(error: Exception) -> int | None:
    """The HTTP status of the answer behind an error; None where there was no answer."""
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)


def _answer(error: Exception, repo_id: str) -> tuple[str, str]:
    """What an answer of the Hub means, and what to do."""
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    match error:
        case GatedRepoError():
            return f"{repo_id} is gated and you have no access yet", f"ask for it at {_page(repo_id)}"
        case DisabledRepoError():
            return f"the Hub has disabled {repo_id}", "ask its owner"
        case RevisionNotFoundError():
            return f"{repo_id} has no such revision", "give a commit, tag or branch that it has"
        case RepositoryNotFoundError() if not _logged_in():
            why = f"the Hub has no {repo_id}, or it is private and you are not logged in"
            return why, "check the name, or run `hf auth login` or set HF_TOKEN"
        case RepositoryNotFoundError():
            return f"the Hub has no {repo_id}, or it is private and not shared with you", "check name and account"
    match status_of(error):
        case 401:
            return "the Hub does not accept your token", "run `hf auth login` with a valid one"
        case 403:
            return f"your token may not do that to {repo_id}", "use a token with write access to that namespace"
        case 404:
            return f"the Hub has no such thing in {repo_id}", "check the names"
        case 409 | 412:
            return f"{repo_id} was changed meanwhile", "look at what changed there, then run the same command again"
        case 413 | 507:
            return "the Hub's storage for you is full", "free some there and try again"
        case 429:
            return "the Hub asks you to slow down", "try again in a few minutes"
        case int(status) if status >= 500:
            return f"the Hub is in trouble (it answered {status})", "try again later"
        case status:
            return f"the Hub answered {status}", "try again; the traceback of this error has the whole answer"


def _page(repo_id: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repo_id}"


def _logged_in() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None
