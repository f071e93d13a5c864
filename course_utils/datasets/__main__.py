"""`python -m course_utils.datasets clear` removes the rendered scenes that are kept on disk."""

import argparse
import sys

from course_utils.datasets.drinks.cache import cache_folder, clear_cache

__all__: list[str] = []


def main() -> None:
    """Empty the cache and say how much that freed."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.datasets", description="Rendered scenes on disk."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("clear", help="remove them; they are drawn again when needed")
    parser.parse_args()
    try:
        folder = cache_folder()
        files, size = clear_cache()
    except (OSError, RuntimeError) as error:
        sys.exit(f"the cache cannot be emptied: {error}")
    sys.stdout.write(f"removed {files} file{'' if files == 1 else 's'} from {folder}: {size / 1e6:.1f} MB freed\n")


if __name__ == "__main__":
    main()
