"""The sentences of a verdict: what was found, what that rests on, and what nobody can know from it."""

from __future__ import annotations

from perfclone.files.reading import one_line
from perfclone.governance.ledger.ledger import Entry
from perfclone.governance.verify.findings import Findings, Match

_CROPPED = 0.98  # a share kept below this is told as a crop
_NO_MARK = (
    "That no watermark was found proves nothing: it is washed out by strong compression, by small sizes, by filming "
    "off a screen or by another model, and most programs set none."
)
_LAWFUL = "Where a video is from does not say whether the person agreed to this publication, or whether it is lawful."
_PUBLIC_KEY = (
    "Anybody who has perfclone can put any id into any picture: look whether the video shows what the entry says."
)
_NAMES = "Anybody can make a certificate with any name; only a root that you name among the anchors vouches for one."


def summary(found: Findings) -> str:
    """Say the verdict in a sentence or two."""
    return one_line(_SUMMARIES[found.verdict](found))


def reasons(found: Findings) -> tuple[str, ...]:
    """Say what the verdict is based on."""
    said = [_of_hash(found), *_of_entry(found.match), _of_watermark(found), _of_credentials(found), _of_tags(found)]
    return tuple(one_line(sentence) for sentence in said if sentence)


def caveats(found: Findings) -> tuple[str, ...]:
    """Say what the verdict cannot know."""
    match, ledger, state = found.match, found.ledger, found.credentials.state
    said = []
    if ledger.state == "broken":
        said.append(
            f"The ledger {ledger.path} cannot be relied on, so nothing in it was used, and faint marks not made out: "
            f"{ledger.problem}"
        )
    if ledger.state == "absent":
        said.append(
            f"There is no ledger {ledger.path}: what was made here cannot be told apart, nor faint marks found."
        )
    if len(ids := _ids(found)) > 1:
        named = ", ".join(f"{place} {id}" for place, id in ids.items())
        said.append(f"Its marks name different clones ({named}): somebody may have put parts of several together.")
    if found.watermark.id and not (match and match.by == "hash"):
        said.append(_PUBLIC_KEY)
    if match and not match.sealed:
        said.append("No signed checkpoint with the ledger covers these entries; they may have been added by hand.")
    if match and not match.entry.data.get("output_sha256"):
        said.append("The ledger has no hash of the file that was made, so whether this is it cannot be told.")
    if found.verdict == "made_by_perfclone_unknown_ledger":
        said.append("The id does not tell whose ledger has the entry: ask the operators who may have made it.")
    if state == "valid" and not found.credentials.by_us:
        said.append(_NAMES)
    if (found.metadata.synthetic or found.metadata.perfclone) and not match:
        said.append("Tags are written and removed by anybody.")
    if not match and not found.watermark.id:
        said.append(_NO_MARK)
    if match:
        said.append(_LAWFUL)
    return tuple(map(one_line, said))


def _ids(found: Findings) -> dict[str, str]:
    """Give where an id is named, and which, if it is not the same everywhere; else at most one of them."""
    named = {
        "ledger": found.match and found.match.entry.data.get("watermark"),
        "watermark": found.watermark.id,
        "credentials": found.credentials.id,
        "tags": found.metadata.id,
    }
    named = {place: id for place, id in named.items() if id}
    return named if len(set(named.values())) > 1 else dict(list(named.items())[:1])


def _clone(match: Match) -> str:
    actor, purpose = (match.entry.data.get(name) for name in ("actor", "purpose"))
    return f"a clone of {actor or 'somebody unnamed'}{f' (purpose: {purpose})' if purpose else ''}"


def _day(entry: Entry) -> str:
    return f"on {entry.time[:10]}"


def _rejected(found: Findings) -> str:
    match, note = found.match, found.match.decision.data.get("note")
    decided = f"{_day(match.decision)} by {match.decision.data.get('who', 'somebody')}"
    copy = "This is the very file" if found.untouched else f"This is not the very file, but comes from it {_by(match)}"
    return (
        f"REJECTED: {_clone(match)}, made here {_day(match.entry)}, was rejected in review {decided}"
        f"{f' ({note})' if note else ''}, so nobody may publish it. {copy}."
    )


def _untouched(found: Findings) -> str:
    return f"This is the very file that was made here {_day(found.match.entry)}: {_clone(found.match)}."


def _changed(found: Findings) -> str:
    match = found.match
    made = f"This comes {_by(match)} from {_clone(match)}, made here {_day(match.entry)}"
    if not match.entry.data.get("output_sha256"):
        return f"{made}; whether it was changed since cannot be told."
    return f"{made}, and was changed or written anew since."


def _tampered(found: Findings) -> str:
    broken = "The content credentials do not hold: this was changed after it was signed, or was never what they say."
    if not found.match:
        return f"{broken} Believe nothing that they state."
    return f"{broken} It comes {_by(found.match)} from {_clone(found.match)}, made here {_day(found.match.entry)}."


def _by(match: Match) -> str:
    return "by its watermark" if match.by == "watermark" else "by its signature"


def _unknown(found: Findings) -> str:
    id, ledger = found.watermark.id, found.ledger
    mark = f"This was marked by perfclone with the id {id}" if id else "This was signed on this machine"
    if ledger.state == "broken":
        return f"{mark}, but the ledger is broken, so whether it was made here cannot be looked up."
    if ledger.state == "absent":
        return f"{mark}, but there is no ledger here to look it up in."
    signed = ", though it was signed on this machine" if id and found.credentials.by_us else ""
    return f"{mark}, but the ledger {ledger.path} has no entry of it{signed}: another ledger must."


def _elsewhere(found: Findings) -> str:
    return f"Nothing shows that this was made here; it was signed by {_signer(found)}."


def _tagged(found: Findings) -> str:
    tags = found.metadata
    says = "say that it is synthetic" if tags.synthetic else "name perfclone"
    entry = f", and name the id {tags.id} of a clone in the ledger" if tags.in_ledger else ""
    return f"Nothing but its tags speaks: they {says}{entry}, which proves nothing."


def _no_sign(found: Findings) -> str:
    return "No sign was found that this was made or marked by anybody, which proves nothing."


_SUMMARIES = {
    "rejected": _rejected,
    "made_here_untouched": _untouched,
    "tampered": _tampered,
    "made_here_changed": _changed,
    "made_by_perfclone_unknown_ledger": _unknown,
    "marked_elsewhere": _elsewhere,
    "only_tagged": _tagged,
    "no_sign": _no_sign,
}


def _signer(found: Findings) -> str:
    name = found.credentials.signer or "somebody without a name"
    return f"{name}, {'under a root that you trust' if found.credentials.state == 'trusted' else 'not vouched for'}"


def _of_hash(found: Findings) -> str:
    if found.untouched:
        return f"The sha256 of the file is that of entry {found.match.entry.n} of the ledger, so no byte was changed."
    if found.match and found.match.entry.data.get("output_sha256"):
        return f"The sha256 of the file is not that of entry {found.match.entry.n} of the ledger: bytes were changed."
    return "" if found.ledger.state != "whole" else "The ledger has no entry with the sha256 of the file."


def _of_entry(match: Match | None) -> list[str]:
    if not match:
        return []
    who = match.entry.data.get("who", "somebody")
    said = [
        f"Entry {match.entry.n}: {_clone(match)}, made {_day(match.entry)} at {match.entry.time[11:19]} UTC by {who}."
    ]
    if match.decision:
        decided, note = match.decision.data, match.decision.data.get("note")
        said.append(
            f"Entry {match.decision.n}: {match.review} in review {_day(match.decision)} by "
            f"{decided.get('who', 'somebody')}{f': {note}' if note else ''}."
        )
    elif match.review:
        said.append("Nobody has approved or rejected it in review.")
    if match.revoked:
        said.append(f"Entry {match.revoked.n}: the consent to it was revoked {_day(match.revoked)}.")
    return said


def _of_watermark(found: Findings) -> str:
    mark = found.watermark
    if mark.problem:
        return f"The picture could not be searched for a watermark: {mark.problem}"
    if not mark.id:
        return f"No watermark was found in {mark.frames} frames."
    known = "which the ledger knows" if mark.in_ledger else "which the ledger does not know"
    if found.ledger.state != "whole":
        known = "which could not be looked up"
    cut = f" About {1 - mark.kept:.0%} of width and height were cut off." if mark.kept < _CROPPED else ""
    return (
        f"The picture carries the watermark {mark.id}, {known} (by accident with a probability of "
        f"{max(mark.doubt, 1e-30):.0e} at most).{cut}"
    )


def _of_credentials(found: Findings) -> str:
    credentials = found.credentials
    problems = " ".join(credentials.problems)
    match credentials.state:
        case "absent":
            return f"Credentials: absent. {problems}"
        case "tampered":
            known = " They name the id of a clone in the ledger." if found.credentials_in_ledger else ""
            return f"Credentials: tampered. {problems}{known}"
    by = "signed on this machine" if credentials.by_us else f"signed by {_signer(found)}"
    stated = f", for {credentials.actor}" if credentials.actor else ""
    since = ""
    if found.match and not found.untouched and found.match.entry.data.get("output_sha256"):
        since = " They were put on after the file was changed."
    return f"Credentials: {credentials.state}, {by}{stated}.{since} {problems}".strip()


def _of_tags(found: Findings) -> str:
    tags = found.metadata
    if not tags.synthetic and not tags.perfclone:
        return "Its tags do not say that it is synthetic."
    says = "say that it is synthetic" if tags.synthetic else "name perfclone"
    producer = (tags.aigc or {}).get("ContentProducer")
    named = f", and name the id {tags.id}" if tags.id else ""
    return f"Its tags {says}{named}{f'; AIGC names the producer {producer}' if producer else ''}."
