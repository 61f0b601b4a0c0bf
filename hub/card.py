"""The model card: who is seen, who allowed what until when, how it was made, how good it is; no weights are loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from perfclone.backends import backend
from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited

if TYPE_CHECKING:
    from perfclone.actor import ActorConfig
    from perfclone.governance.consent.record import ConsentRecord

LIBRARY, PIPELINE = "perfclone", "video-to-video"
#: The last two are what the Hub's own mixin writes.
TAGS = ("perfclone", "performance-cloning", "video-to-video", "model_hub_mixin", "pytorch_model_hub_mixin")
REPORT_FORMAT, _REPORT_LIMIT = 1, 64 << 20
#: What the card shows first, as (metric, region) -> its name and which way is better; the rest is folded away.
HEADLINES = {
    ("st_lpips_alex", "whole"): ("ST-LPIPS, whole frame", "lower"),
    ("st_lpips_alex", "person"): ("ST-LPIPS, around the person", "lower"),
    ("psnr", "whole"): ("PSNR, dB", "higher"),
    ("warp_error", "whole"): ("warp error x 10^4", "lower"),
    ("t_of", "whole"): ("tOF, px", "lower"),
    ("pck_0.1", "person"): ("joints within 0.1 torso lengths", "higher"),
}
_NAME = re.compile(r"[\w.-]{1,60}")


class Result(NamedTuple):
    """One value of a report.

    Attributes:
        clip: Name of the clip.
        metric: Such as "st_lpips_alex", as `eval` names it.
        region: "whole" or "person".
        mean: The value.
        interval: Its interval of 95 % in words; empty where there is none.
        frames: Frames scored.
    """

    clip: str
    metric: str
    region: str
    mean: float
    interval: str
    frames: int


def render_card(
    config: ActorConfig,
    consent: ConsentRecord,
    report: Mapping[str, Any] | None = None,
    commands: Sequence[str] | None = None,
    *,
    repo_id: str = "owner/actor",
    pictures: Sequence[str] = (),
    licence: str = "other",
) -> str:
    """Render the card of an actor, front matter included.

    Args:
        config: The actor's.
        consent: The actor's.
        report: What :func:`load_report` gave of an evaluation.
        commands: What was typed to make it; by default the training command that its config tells.
        repo_id: Where it is on the Hub.
        pictures: File names of poster and preview in the repository; none by default.
        licence: The Hub's name of a licence; "other" points to the consent record.

    Returns:
        The text of README.md.
    """
    results, foundations = eval_rows(report) if report else [], backend(config.backend).foundations(config.generator)
    models = [each.repo for each in foundations if each.repo]
    return template("card.md.jinja").render(
        metadata=_metadata(consent, results, repo_id, pictures, licence, (report or {}).get("kind", ""), models),
        purpose="personal" if "personal" in consent.purposes else consent.purposes[0],
        name=repo_id.partition("/")[2] or repo_id,
        repo_id=repo_id,
        config=config,
        foundations=foundations,
        consent=consent,
        synthetic=consent.subject_kind == "synthetic",
        pictures=list(pictures),
        results=results,
        headlines=HEADLINES,
        territory=consent.territory if isinstance(consent.territory, str) else ", ".join(consent.territory),
        kind=(report or {}).get("kind"),
        notes=eval_notes(report) if report else [],
        commands=[train_command(config)] if commands is None else commands,
    )


def train_command(config: ActorConfig) -> str:
    """The training command as far as the config tells it."""
    parts = ["python -m perfclone train REFERENCE.mp4 --consent consent.json -o ACTOR"]
    parts.append(f"--minutes {config.minutes:g}" if config.minutes else f"--steps {max(1, config.steps)}")
    parts += [f"--preset {config.preset}", f"--seed {config.seed}"]
    parts += [f"--backend {config.backend}"] if config.backend != type(config).backend else []
    parts += [f"--holdout {config.holdout:g}"] if config.holdout else []
    parts += ["--no-plate"] if config.whole_frame or not config.plate else []
    parts += [f"--extractor {config.extractor}"] if config.extractor in ("openpose", "vitpose") else []
    return " ".join(parts)


def load_report(path: Path) -> dict[str, Any]:
    """Read the `report.json` of an evaluation, or that of its folder, as plain JSON.

    Raises:
        UserError: There is none, or it is another file or of a newer format.
    """
    path = path / "report.json" if path.is_dir() else path
    report = parse_json(read_limited(path, _REPORT_LIMIT, "report"), f"The report {path}")
    return check_report(report, path)


def check_report(report: Any, path: Path | str = "The report") -> dict[str, Any]:
    """Check that plain JSON is the report of one actor; see :func:`load_report`."""
    if not isinstance(report, dict) or not isinstance(report.get("rows"), list):
        raise UserError(f"{path} is no report of an evaluation; make one with `python -m perfclone eval actor`.")
    if report.get("format") != REPORT_FORMAT:
        raise UserError(
            f"{path} has format {report.get('format')!r}, not {REPORT_FORMAT}; "
            "make it anew with `python -m perfclone eval`."
        )
    if report.get("kind") == "benchmark":
        raise UserError(
            f"{path} is of a benchmark, which trains actors of its own; "
            "measure this one with `python -m perfclone eval actor`."
        )
    try:
        _check_names(report)
        eval_rows(report), eval_notes(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error!r}); make it anew with `python -m perfclone eval actor`."
        ) from error
    return report


def eval_rows(report: Mapping[str, Any]) -> list[Result]:
    """The finite values of the actor's own rows, those of the baselines left out."""
    return [
        Result(row["clip"], metric, region, float(value["mean"]), _interval(value), int(row["frames"]))
        for row in _own_rows(report)
        for metric, regions in row["values"].items()
        for region, value in regions.items()
        if isinstance(value["mean"], int | float) and math.isfinite(value["mean"])
    ]


def eval_notes(report: Mapping[str, Any]) -> list[str]:
    """What the report says beside the actor's own rows, such as that the numbers flatter it; each sentence once."""
    return list(dict.fromkeys(plain(note) for row in _own_rows(report) for note in row.get("notes", ())))


def _own_rows(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in report["rows"] if row["method"] == "perfclone"]


def _check_names(report: Mapping[str, Any]) -> None:
    """Refuse what would be markup on the card in the place of a metric, a region or a kind."""
    values = [item for row in _own_rows(report) for item in row["values"].items()]
    names = [report.get("kind", ""), *(name for metric, regions in values for name in (metric, *regions))]
    odd = [name for name in names if name and not _NAME.fullmatch(name)]
    if odd:
        raise ValueError(f"{odd[0][:40]!r} is no name")


def check_card(text: str) -> None:
    """Check a card's front matter as far as that goes without the Hub, which checks it once more when it is pushed.

    Raises:
        UserError: It cannot be read, or lacks what the Hub and perfclone look for.
    """
    import yaml
    from huggingface_hub import ModelCard

    try:
        data = ModelCard(text).data
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(f"The card's front matter cannot be read ({error}); write it anew with `hub push`.") from error
    wanted = {"library_name": LIBRARY, "pipeline_tag": PIPELINE}
    for name, value in wanted.items():
        if data.get(name) != value:
            raise UserError(f"The card's {name} must be {value}, got {data.get(name)!r}; push it anew.")
    for name in ("license", "tags"):
        if not data.get(name):
            raise UserError(f"The card has no {name}; write it anew with `hub push`.")
    link = data.get("license_link")
    if data.license == "other" and not (data.get("license_name") and str(link).startswith("https://")):
        raise UserError('The card\'s license is "other" without license_name and license_link; add them.')
    if data.to_dict().get("model-index") and not data.eval_results:
        raise UserError("The card's model-index cannot be read; write it anew with `hub push`.")


def _metadata(
    consent: ConsentRecord,
    results: Sequence[Result],
    repo_id: str,
    pictures: Sequence[str],
    licence: str,
    kind: str,
    models: Sequence[str],
) -> str:
    """The front matter, YAML without its fences."""
    from huggingface_hub import ModelCardData

    place = f"https://huggingface.co/{repo_id}"
    more: dict[str, Any] = {
        "extra_gated_heading": "Ask to use this actor",
        "extra_gated_prompt": "What it makes shows a person doing what they did not do. You may use it only for what "
        f"consent.json allows ({', '.join(consent.purposes)}), and must leave the marks on what you make.",
        "extra_gated_fields": {
            "Purpose": {"type": "select", "options": list(consent.purposes)},
            "What I will make": "text",
            "I keep to the consent record and leave the marks in": "checkbox",
        },
    }
    if pictures:
        more["thumbnail"] = f"{place}/resolve/main/{pictures[0]}"
    if licence == "other":
        more |= {"license_name": "consent-record", "license_link": f"{place}/blob/main/consent.json"}
    if models:
        more |= {"base_model": list(models), "base_model_relation": "adapter"}
    tags = [*TAGS, "synthetic-person"] if consent.subject_kind == "synthetic" else list(TAGS)
    data = ModelCardData(
        library_name=LIBRARY,
        pipeline_tag=PIPELINE,
        tags=tags,
        license=licence,
        model_name=repo_id.partition("/")[2] or repo_id,
        eval_results=[_eval_result(row, kind) for row in results] or None,
        **more,
    )
    if not results:
        del data.model_name  # without results it stands for nothing the Hub knows
    return data.to_yaml().strip()


def _eval_result(row: Result, kind: str):
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type=PIPELINE,
        task_name="Performance cloning",
        dataset_type=f"perfclone-{kind or 'score'}",
        dataset_name=row.clip,
        metric_type=row.metric,
        metric_name=f"{row.metric} ({row.region})",
        metric_config=row.region,
        metric_value=row.mean,
    )


def _interval(value: Mapping[str, Any]) -> str:
    low, high = value.get("low"), value.get("high")
    return f"{low:.4g} to {high:.4g}" if isinstance(low, int | float) and isinstance(high, int | float) else ""


def plain(text: str) -> str:
    """A text of others on one line of a Markdown table, where nothing of it is markup."""
    text = re.sub(r"\s+", " ", text).strip()
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_\[\]|~!#])", r"\\\1", text)
    return text.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")


def template(name: str):
    """A template of this package; what it is not given is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["plain"] = plain
    return environment.get_template(name)
