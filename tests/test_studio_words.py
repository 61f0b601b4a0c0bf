"""What the library says, said in the visitor's language."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from reported import report, row

from eval.report.words import headline
from perfclone.errors import UserError
from perfclone.governance.policy import authorise_clone
from perfclone.video import probe
from studio.phrases import phrases
from studio.phrases.library import catalogue, translated
from studio.watching import plainly

ROOT = Path(__file__).resolve().parents[1]
JAPANESE = SimpleNamespace(headers={"accept-language": "ja"})
#: Where the sentences come from that a visitor of the page may be told, files or folders.
SOURCES = (
    "perfclone/actor",
    "perfclone/backends/layered/training",
    "perfclone/files/reading.py",
    "perfclone/files/sequence.py",
    "perfclone/governance/consent/kinds.py",
    "perfclone/governance/consent/record.py",
    "perfclone/governance/consent/rules.py",
    "perfclone/governance/policy.py",
    "perfclone/governance/review.py",
    "perfclone/pose/body.py",
    "perfclone/pose/performer.py",
    "perfclone/poster.py",
    "perfclone/survey",
    "perfclone/training/checkpoints.py",
    "perfclone/training/held.py",
    "perfclone/video",
    "eval/benchmark/holdout.py",
    "eval/report/worst.py",
    "eval/scoring/score.py",
    "hub/commit.py",
    "hub/publish.py",
    "studio/actors.py",
    "studio/endpoints.py",
    "studio/jobs",
    "studio/review",
)
#: What only the operator is told, who starts the studio at the command line.
OPERATORS = {
    "There is no actor in examples/actors; run this from a full checkout.",
    "{} names a Redis, for which redis is not installed here: pip install redis",
    "{} must be {}, got {}.",  # of fields that the form does not let anybody fill in
    "{} must be at most {}, got {}; make several records.",
    "territory must be {} or a list of country codes, got {}.",
    "{} must be a moment that exists, got {}.",
}


def templates(node: ast.expr, known: dict[str, ast.expr]) -> list[str]:
    """What an expression may be as text, ``{}`` for what is put in; nothing where it is somebody else's sentence."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return templates(node.body, known) + templates(node.orelse, known)
        case ast.Name() if node.id in known:
            return templates(known[node.id], known)
        case ast.JoinedStr():
            said = [""]
            for part in node.values:
                told = [part.value] if isinstance(part, ast.Constant) else put_in(part.value)
                said = [before + each for before in said for each in told]
            return said
    return []


def put_in(node: ast.expr) -> list[str]:
    return templates(node, {}) if isinstance(node, ast.IfExp) else ["{}"]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sentences(path: Path) -> set[str]:
    """What a file's errors, complaints and refusals say."""
    tree = parsed(path)
    known = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    said = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", "")
            if name.endswith("Error") and name not in ("ValueError", "TypeError", "FileMetadataError"):
                said += templates(node.args[0], known)
            elif name == "Complaint":
                said += templates(node.args[1], {})
        elif isinstance(node, ast.FunctionDef) and node.name in ("_refusal", "camera_told"):
            said += [
                each for line in ast.walk(node) if isinstance(line, ast.Return) for each in templates(line.value, {})
            ]
    return {each for each in said if each.strip("{}")}


def test_every_sentence_that_a_visitor_may_be_told_is_in_japanese():
    paths = [
        path for name in SOURCES for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    said = {each for path in paths for each in sentences(path)}
    assert len(said) > 120, "they are no longer found"
    assert sorted(said - set(catalogue("ja")) - OPERATORS) == []


def words(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"\w+", text.lower())}


def test_nothing_is_translated_whose_words_nobody_says_any_more():
    known = set()
    for room in ("perfclone", "eval", "hub", "studio"):
        for path in (ROOT / room).rglob("*.py"):
            said = (each.value for each in ast.walk(parsed(path)) if isinstance(each, ast.Constant))
            known |= {word for text in said if isinstance(text, str) for word in words(text)}
    assert [key for key in catalogue("ja") if words(key) - known] == []


def test_a_translation_has_the_values_of_its_sentence():
    for key, told in catalogue("ja").items():
        assert set(re.findall(r"\{(.*?)\}", told)) <= {str(n) for n in range(key.count("{}"))}, key
        assert not re.search("[a-z]{3,} [a-z]{2,} [a-z]{2,}", told), "that is English"


def test_what_is_put_into_a_sentence_is_translated_too(tmp_path, clone):
    from perfclone.governance.consent.kinds import evaluation_record

    file = tmp_path / "dance.mp4"
    file.write_bytes(b"no video")
    with pytest.raises(UserError) as broken:
        probe(file)
    assert plainly(broken.value, JAPANESE).startswith("dance.mp4は動画として読み込めません。")
    assert plainly(broken.value, None).startswith("dance.mp4 is not a video")
    with pytest.raises(UserError) as forbidden:
        authorise_clone(evaluation_record(clone), "marketing")
    assert "性能評価で、広告・販売促進は含まれません" in plainly(forbidden.value, JAPANESE)
    refused = "Cannot push to studio/anna: your token may not do that to studio/anna; check the names."
    told = translated(refused, JAPANESE)
    assert told.startswith(
        "studio/annaにアップロードできません：そのアクセストークンには、studio/annaに対する権限がありません。"
    )
    assert translated("Something new in this version.", JAPANESE) == "Something new in this version."


def test_the_headline_of_a_report_is_in_japanese():
    alone = headline(report(row("clip", means=(0.06, 50.0))))
    told = [*headline(report(row("perfclone", slope=-0.2), row("nearest", seed=1))), *alone, *headline(report())]
    assert [each for each in told if translated(each, JAPANESE) == each] == []
    least = "Nothing stands out. The least good: the face is somebody else's: 0.50 from the real one, where 0.6 is "
    assert "最も気になる点：別人の顔" in translated(f"{least}a stranger's.", JAPANESE)


def test_one_thing_has_one_name_in_japanese():
    others = {
        "アクター": "演者|俳優",
        "コマ": "フレーム",
        "ピクセル": "画素",
        "コンピューター": "マシン",
        "リポジトリ": "リポジトリー",
    }
    for file in ("ja", "library.ja"):
        text = (ROOT / f"studio/phrases/{file}.json").read_text(encoding="utf-8")
        for name, other in others.items():
            assert not re.search(other, text), f"{name} has another name too: {re.findall(f'.*(?:{other}).*', text)}"
    assert set(phrases("ja")) == set(json.loads((ROOT / "studio/phrases/en.json").read_text(encoding="utf-8")))
