"""The demo as a Space: this checkout is one, and what is pushed of it starts by itself."""

import ast
import re
import shutil
import sys
from pathlib import Path

import pytest
from huggingface_hub import RepoCard
from published import asked

from hub.cli import main
from hub.space import ROOT, SETTINGS, SPACE_REQUIREMENTS, check_front_matter, push_space, space_files
from perfclone.errors import UserError

SPACE = "owner/demo"


pytestmark = pytest.mark.usefixtures("owner")


def test_this_checkout_is_a_space():
    files = space_files()
    assert {
        "app.py",
        "README.md",
        "requirements.txt",
        "packages.txt",
        "examples/actors/anna/model.safetensors",
    } <= set(files)
    assert not [name for name in files if name.startswith(("tests/", "benchmarks/", ".", "eval/"))]
    assert not [name for name in files if "__pycache__" in name]


def test_what_a_space_installs_is_the_product_with_a_torch_that_it_lends():
    ours, theirs = (
        {line for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements.txt", SPACE_REQUIREMENTS)
    )
    assert {line.partition("==")[0] for line in ours ^ theirs} == {"torch", "torchvision"}
    assert space_files()["requirements.txt"] == ROOT / SPACE_REQUIREMENTS
    torch = next(line for line in theirs if line.startswith("torch=="))
    assert (2, 8) <= tuple(map(int, torch.partition("==")[2].split(".")[:2])) <= (2, 11)
    card = RepoCard((ROOT / "README.md").read_text()).data
    assert card.python_version in ("3.12.12", "3.10.13") and card.hf_oauth is True


def test_the_pages_own_pictures_are_there():
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"!\[[^\]]*\]\((?!http)([^)]+)\)", text)
    assert shown and set(shown) <= set(space_files())


def test_what_is_pushed_imports_nothing_that_is_not(loopback):
    """Every module of ours that the page loads on any path is among the files."""
    files = space_files()
    ours = {"eval", "benchmarks", "examples", "tests"}
    for name, path in files.items():
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                assert not {each.partition(".")[0] for each in names} & ours, f"{name}:{node.lineno}"


def test_a_push_is_one_commit_and_private(loopback):
    pushed = push_space(SPACE)
    there = loopback.repository(SPACE, type="space")
    assert there.private and there.sdk == "gradio" and there.sha == pushed.commit and len(there.titles) == 2
    files = {name: data for name, data in there.files.items() if name != ".gitattributes"}
    assert files == {name: path.read_bytes() for name, path in space_files().items()}
    assert pushed.settings == SETTINGS and {setting.name for setting in SETTINGS if setting.secret} == {"HF_TOKEN"}
    assert loopback.repository(SPACE) is None


def test_a_second_push_removes_what_is_gone_and_leaves_what_its_owner_added(loopback, tmp_path):
    root = copy(tmp_path)
    push_space(SPACE, root=root)
    loopback.put(SPACE, {"notes.md": b"the owner's"}, type="space")
    (root / "studio" / "old.py").write_text("")
    push_space(SPACE, root=root)
    (root / "studio" / "old.py").unlink()
    push_space(SPACE, root=root)
    names = loopback.repository(SPACE, type="space").files
    assert "studio/old.py" not in names and "notes.md" in names and "studio/page.py" in names


def test_it_is_public_only_when_told(loopback):
    push_space(SPACE, private=False)
    assert not loopback.repository(SPACE, type="space").private
    with pytest.raises(UserError, match="is public; push it as public"):
        push_space(SPACE)


def test_a_failed_push_leaves_the_space_as_it_was(loopback, tmp_path):
    root = copy(tmp_path)
    push_space(SPACE, root=root)
    (root / "studio" / "new.py").write_text("")
    before = loopback.repository(SPACE, type="space")
    loopback.fail("/commit/", status=403)
    with pytest.raises(UserError, match=r"write access.*The Space is as it was\."):
        push_space(SPACE, root=root)
    assert loopback.repository(SPACE, type="space") == before


def copy(tmp_path):
    """Only what is pushed, in an empty folder."""
    for name, path in space_files().items():
        (tmp_path / "space" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, tmp_path / "space" / name)
    return tmp_path / "space"


def test_what_is_pushed_starts_by_itself(tmp_path):
    import subprocess

    root = copy(tmp_path)
    code = (
        "from perfclone import builtin; from studio.actors import find_actors; from studio.page import build\n"
        "from studio.jobs.store import Store; from studio.studio import Studio\n"
        "page = build(Studio(Store('jobs'), find_actors(builtin.actors()), builtin.driving_clips()))\n"
        "import perfclone; print(perfclone.__file__, len(page.fns))\n"
        "from perfclone.companions import companion; print(companion('hub', 'publish').__file__)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    place, functions, publish = run.stdout.split()
    assert Path(place).is_relative_to(root) and int(functions) > 0
    assert Path(publish).is_relative_to(root)  # so that `Actor.push_to_hub` works there


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("sdk: gradio", "sdk: static", "no Gradio Space"),
        ("app_file: app.py", "app_file: main.py", "main.py, which is not"),
        ("sdk_version: ", "sdk_version: 9", "requirements.txt another"), ("title: perfclone\n", "", "lacks title"),
        ("sdk: gradio", "sdk: [", "cannot be read"),
    ],
)  # fmt: skip
def test_front_matter_that_would_not_start_is_refused(old, new, match):
    text = (ROOT / "README.md").read_text()
    assert old in text
    with pytest.raises(UserError, match=match):
        check_front_matter(text.replace(old, new, 1))


def test_a_part_of_a_checkout_is_refused(loopback, tmp_path):
    root = copy(tmp_path)
    shutil.rmtree(root / "examples" / "clips")
    with pytest.raises(UserError, match="run this from a full checkout"):
        push_space(SPACE, root=root)
    assert asked(loopback) == []


def test_the_command_names_the_settings(loopback, capsys):
    assert main(["space", SPACE]) == 0
    out = capsys.readouterr().out
    assert f"/spaces/{SPACE}: commit" in out and "secret HF_TOKEN: " in out and "variable PERFCLONE_HOME: " in out
    assert main(["space", SPACE, "--list"]) == 0
    assert "app.py" in capsys.readouterr().out.splitlines()
