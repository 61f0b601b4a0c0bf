"""Which packages are installed, and under which names; all else is in pyproject.toml."""

from setuptools import find_namespace_packages, find_packages, setup

#: Folders beside perfclone, which are installed as `perfclone_hub` and so on: such names collide with nobody's.
COMPANIONS = ("hub", "eval", "studio")

packages = [*find_packages(include=["perfclone", "perfclone.*"]), "perfclone.data"]
for name in COMPANIONS:
    packages += [f"perfclone_{package}" for package in find_packages(include=[name, f"{name}.*"])]
# Of the examples the folders of actors and clips, without the scripts that make them.
packages += [f"perfclone_examples.{name}" for name in find_namespace_packages("examples", exclude=["*__pycache__"])]

setup(packages=packages, package_dir={f"perfclone_{name}": name for name in (*COMPANIONS, "examples")})
