"""Every typed decoder is made when its module is imported.

msgspec reads a type at its first use. While that goes on in one thread, another that uses the same type finds it half
read, and the whole process ends with a segmentation fault (msgspec 0.22, json_decode_struct_map_inner; types that hold
other types). Imports have a lock.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "loginlake"


def used_late(module: ast.Module) -> Iterator[int]:
    """The lines of functions that have msgspec read a type."""
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func)
            typed = any(keyword.arg == "type" for keyword in call.keywords)
            if name.endswith(".Decoder") or (name in {"msgspec.json.decode", "msgspec.msgpack.decode"} and typed):
                yield call.lineno


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_type_is_read_by_a_thread_that_comes_first(path: Path) -> None:
    assert list(used_late(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_late_ones_are_found() -> None:
    late = (
        "def f(x):\n    y = msgspec.json.decode(x, type=T)\n    return [msgspec.json.Decoder(T).decode(z) for z in y]\n"
    )
    assert list(used_late(ast.parse(late))) == [2, 3]
    assert (
        list(used_late(ast.parse("d = msgspec.json.Decoder(T)\ndef f(x):\n    return msgspec.json.decode(x)\n"))) == []
    )
