"""A long line: the next turn chosen, every place worked out anew. Runs ``waiting.py``; see ``--help``.

A script's folder comes first on Python's path, and the standard library has a ``queue``, too: whoever imports that
from here is given the real one.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from _queue import Empty, SimpleQueue
from pathlib import Path

__all__ = ["Empty", "SimpleQueue"]  # a type checker, too, takes this file for the standard library's

HERE = Path(__file__).resolve().parent

sys.path[:] = [*(entry for entry in sys.path if Path(entry).resolve() != HERE), str(HERE)]
if __name__ == "__main__":
    runpy.run_path(str(HERE / "waiting.py"), run_name="__main__")
else:
    del sys.modules[__name__]
    importlib.import_module(__name__)
