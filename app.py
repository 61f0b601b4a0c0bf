"""The Space and `make demo`: loads the built-in actors, builds the studio and launches it."""

import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


def main() -> None:
    """Load the models, then serve the page on localhost until Ctrl-C."""
    from perfclone import UserError, builtin
    from studio.actors import load_actors
    from studio.page import build, launch_options

    try:
        actors = load_actors(builtin.actors())
    except UserError as error:
        sys.exit(f"perfclone: {error}")
    build(actors, builtin.driving_clips()).launch(**launch_options())


if __name__ == "__main__":
    main()
