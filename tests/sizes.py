"""Prints the longest file and the longest function; fails over 400 and 50 lines."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "dags", "bench", "prove", "tests")
MOST_FILE, MOST_FUNCTION = 400, 50


def main() -> int:
    files: list[tuple[int, str]] = []
    functions: list[tuple[int, str]] = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ".cache" in path.parts:  # the benches' peers
                continue
            text, name = path.read_text(), str(path.relative_to(ROOT))
            files.append((text.count("\n"), name))
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                    functions.append((node.end_lineno - node.lineno + 1, f"{name}:{node.name}"))
    over = [f for f in files if f[0] > MOST_FILE] + [f for f in functions if f[0] > MOST_FUNCTION]
    for size, name in over:
        print(f"too long: {name} has {size} lines")
    (lines, file), (rows, function) = max(files), max(functions)
    print(f"longest file {file} ({lines} lines), longest function {function} ({rows} lines)")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
