"""``python -m bot`` is ``understudy``."""

from bot.cli import main

if __name__ == "__main__":
    main(prog_name="understudy")
