"""The model card: what it says, that the Hub's own client reads it, and that nobody's words become markup."""

import json
from dataclasses import replace
from datetime import date

import pytest
import yaml
from huggingface_hub import ModelCard
from tiny import untrained_actor

from eval.results import Interval, Report, Row
from hub.card import HEADLINES, TAGS, check_card, load_report, plain, render_card, train_command
from perfclone import builtin
from perfclone.actor import ActorConfig
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.errors import UserError
from perfclone.governance.consent.kinds import usual_fields
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.keys import SigningKey

ANNA = builtin.actors()["anna"]


@pytest.fixture(scope="module")
def config():
    return ActorConfig.load(ANNA / "config.json")


@pytest.fixture(scope="module")
def person():
    """What somebody agreed to, with words that would be markup."""
    fields = usual_fields("Eve | <b>x</b> [l](http://x)", "the *studio*") | {"purposes": ("research",)}
    return ConsentRecord(reference_sha256=("ab" * 32,), **{**fields, "media": ("web",)}).sign(SigningKey.new())


@pytest.fixture
def report(tmp_path):
    """A report as eval writes it, of an actor beside a baseline."""
    psnr = {"whole": Interval(22.25, 21.0, 23.5, 60), "person": Interval(float("inf"))}
    rows = [
        Row(
            "perfclone",
            "anna_reference",
            60,
            30.0,
            {"psnr": psnr, "st_lpips_alex": {"whole": Interval(0.085)}},
            notes=["It has seen <some> of these frames."],
        ),
        Row("nearest", "anna_reference", 60, 30.0, {"psnr": {"whole": Interval(11.0)}}),
    ]
    Report("actor", {"actor": "anna"}, rows=rows).save(tmp_path)
    return tmp_path


def test_the_client_reads_the_front_matter(config, person, report):
    text = render_card(
        config, person, load_report(report), repo_id="owner/eve", pictures=("poster.jpg", "preview.mp4")
    )
    check_card(text)
    data = ModelCard(text).data
    assert (data.library_name, data.pipeline_tag, data.license) == ("perfclone", "video-to-video", "other")
    assert data.license_link == "https://huggingface.co/owner/eve/blob/main/consent.json"
    assert set(TAGS) <= set(data.tags) and "synthetic-person" not in data.tags
    assert data.extra_gated_fields["Purpose"]["options"] == ["research"]
    assert data.thumbnail.endswith("owner/eve/resolve/main/poster.jpg")


def test_results_have_the_names_that_eval_gives_them(config, person, report):
    results = ModelCard(render_card(config, person, load_report(report), repo_id="owner/eve")).data.eval_results
    found = {(r.metric_type, r.metric_config): (r.metric_value, r.dataset_name, r.dataset_type) for r in results}
    where = ("anna_reference", "perfclone-actor")
    assert found == {("psnr", "whole"): (22.25, *where), ("st_lpips_alex", "whole"): (0.085, *where)}
    text = render_card(config, person, load_report(report))
    assert "| `psnr` | whole | 22.25 | 21 to 23.5 | 60 |" in text


def test_what_the_report_says_beside_the_numbers_is_in_the_card(config, person, report):
    text = render_card(config, person, load_report(report))
    assert text.count("\n- It has seen &lt;some&gt; of these frames.\n") == 1


def test_a_benchmark_is_of_other_actors(report):
    values = json.loads((report / "report.json").read_text())
    (report / "report.json").write_text(json.dumps({**values, "kind": "benchmark"}))
    with pytest.raises(UserError, match="trains actors of its own; measure this one"):
        load_report(report)


def test_without_a_report_it_says_so_and_has_no_results(config, person):
    text = render_card(config, person)
    check_card(text)
    assert "Not measured" in text and "model-index" not in text and "model_name" not in text


def test_it_says_who_allowed_what_until_when_and_how_it_was_made(config, person):
    text = render_card(config, person, repo_id="owner/eve")
    expires = date.fromisoformat(person.expires).isoformat()
    for words in (
        f"to {expires}, both included", person.digest(), "research", "abababababababab", "512x512 at 30 frames",
        "75 steps, 2.02 minutes", train_command(config), 'from_pretrained("owner/eve")', "## Report misuse",
        "CloneOptions(purpose=\"research\")", "you can revoke your consent",
    ):  # fmt: skip
        assert words in text, words
    assert "made by hand" in render_card(config, person, commands=["made by hand"])


def test_words_of_others_are_not_markup(config, person):
    text = render_card(config, person)
    assert "<b>" not in text and "[l](http://x)" not in text and "*studio*" not in text.replace("\\*", "")
    row = next(line for line in text.splitlines() if line.startswith("| who is seen"))
    assert row.replace("\\|", "").count("|") == 3
    assert plain("a\n# b") == r"a \# b"


def test_a_synthetic_person_and_a_revoked_record_are_told(config):
    record = ConsentRecord.load(ANNA / "consent.json")
    text = render_card(config, record)
    assert "synthetic: nobody is shown" in text and "synthetic-person" in ModelCard(text).data.tags
    gone = record.revoke("enough", SigningKey.new())
    assert f"**Revoked on {gone.revoked.on}**: enough" in render_card(config, gone)


def test_no_weights_are_loaded(config, person, monkeypatch):
    monkeypatch.setattr("safetensors.safe_open", None)
    monkeypatch.setattr("torch.nn.Module.__init__", None)
    assert render_card(config, person)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"library_name": "diffusers"}, "library_name"), ({"pipeline_tag": None}, "pipeline_tag"),
        ({"tags": []}, "tags"), ({"license": None}, "license"), ({"license_name": None}, "license_name"),
        ({"license_link": "consent.json"}, "license_link"),
        ({"model-index": [{"name": "x", "results": 3}]}, "model-index|front"),
    ],
)  # fmt: skip
def test_a_card_that_lacks_something_does_not_pass(config, person, report, change, match):
    text = render_card(config, person, load_report(report))
    head, body = text[4:].split("\n---\n", 1)
    values = {name: value for name, value in {**yaml.safe_load(head), **change}.items() if value is not None}
    with pytest.raises(UserError, match=match):
        check_card(f"---\n{yaml.safe_dump(values)}---\n{body}")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rows": 3}', '{"format": 1, "rows": [{"method": "perfclone"}]}'])
def test_what_is_no_report_is_refused(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UserError, match="python -m perfclone eval|anew"):
        load_report(tmp_path)


def test_a_report_of_another_format_is_refused(report):
    values = json.loads((report / "report.json").read_text())
    (report / "report.json").write_text(json.dumps({**values, "format": 2}))
    with pytest.raises(UserError, match="format 2, not 1"):
        load_report(report)


def test_the_training_command_tells_what_the_config_does(config):
    assert train_command(replace(config, holdout=0.2, whole_frame=True, extractor="vitpose", minutes=0.0)) == (
        "python -m perfclone train REFERENCE.mp4 --consent consent.json -o ACTOR --steps 75 --preset base --seed 0 "
        "--holdout 0.2 --no-plate --extractor vitpose"
    )
    assert "--no-plate" not in train_command(untrained_actor().config)
    assert train_command(replace(config, plate=False)).endswith("--no-plate")
    assert "--steps 1 " in train_command(replace(config, minutes=0.0, steps=0))


def test_the_training_command_names_a_backend_that_is_not_the_usual_one(config):
    assert "--backend" not in train_command(config)
    other = replace(config)
    object.__setattr__(other, "backend", "oils")
    assert "--seed 0 --backend oils" in train_command(other)


def test_the_headlines_are_metrics_of_eval_and_say_what_is_better():
    from eval.results import METRICS

    for (metric, _), (_, better) in HEADLINES.items():
        assert METRICS[metric].better == better


def test_headlines_come_first_and_the_rest_is_folded(config, person, report):
    text = render_card(config, person, load_report(report))
    first, _, rest = text.partition("<details>")
    assert r"| PSNR, dB (higher is better) | anna\_reference | 22.25 | 21 to 23.5 | 60 |" in first
    assert r"| anna\_reference | `psnr` | whole |" in rest


@pytest.mark.parametrize("change", [{"kind": "</b>"}, {"metric": "a|b"}, {"region": "x y"}])
def test_names_of_a_report_that_are_no_names_are_refused(report, change):
    values = json.loads((report / "report.json").read_text())
    row = values["rows"][0]
    row["values"][change.get("metric", "psnr")] = {change.get("region", "whole"): row["values"]["psnr"]["whole"]}
    (report / "report.json").write_text(json.dumps(values | {"kind": change.get("kind", "actor")}))
    with pytest.raises(UserError, match="is no name"):
        load_report(report)


def test_addresses_in_the_words_of_others_are_no_links():
    assert plain("see http://x.y or www.x.y or a@x.y") == "see http&#58;//x.y or www&#46;x.y or a&#64;x.y"


@pytest.mark.parametrize("name", ["sd15", "sdxl-turbo", "small"])
def test_the_models_of_others_are_named_with_commits_and_licence(config, person, name):
    base, digits = BASES[name], iter("abcd")
    commits = {part: next(digits) * 40 for part, repo in base.repos.items() if repo}
    sizes = {**vars(config.generator), "base": name, **{f"{part}_commit": each for part, each in commits.items()}}
    text = render_card(replace(config, backend="diffusion", generator=DiffusionConfig(**sizes)), person)
    check_card(text)
    data, repos = ModelCard(text).data, [repo for repo in base.repos.values() if repo]
    assert (data.base_model or []) == repos and f"licence: {base.licence} |" in text
    for repo, commit in zip(repos, commits.values(), strict=True):
        assert f"[{repo}](https://huggingface.co/{repo}/tree/{commit}) at commit `{commit}`" in text
    assert "--backend diffusion" in text and "pip install '.[diffusion]'" in text


def test_an_actor_who_needs_none_names_none(config, person):
    text = render_card(config, person)
    assert "base_model" not in text and "diffusion" not in text and "a small network that draws one person" in text
