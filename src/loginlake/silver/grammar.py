"""Is a text JSON at all (RFC 8259), and how deep? Pure, without recursion: the answer never depends on a stack.

Only lines that the decoder refuses come here: it tells what is not JSON from what is JSON but unreadable.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"[ \t\n\r]*(?:"
    r'(?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|(?P<scalar>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
    r"|(?P<mark>[\[\]{},:]))"
)
_END = re.compile(r"[ \t\n\r]*")
# What may come next: a value, a value or the end of an empty array, a key, a key or the end of an empty object ...
_VALUE, _FIRST_ITEM, _KEY, _FIRST_KEY, _COLON, _AFTER = range(6)


def nesting(text: str) -> int | None:
    """How many arrays and objects the deepest value of a JSON text is in; None when the text is not JSON."""
    open_marks: list[str] = []
    deepest, state, place = 0, _VALUE, 0
    while not (state == _AFTER and not open_marks):
        token = _TOKEN.match(text, place)
        if token is None:
            return None
        place = token.end()
        if token["mark"] is None:
            following = _after_scalar(state, is_string=token["string"] is not None)
        else:
            following = _after_mark(state, token["mark"], open_marks)
            deepest = max(deepest, len(open_marks))
        if following is None:
            return None
        state = following
    return deepest if _END.fullmatch(text, place) else None


def _after_scalar(state: int, *, is_string: bool) -> int | None:
    if state in (_KEY, _FIRST_KEY):
        return _COLON if is_string else None
    return _AFTER if state in (_VALUE, _FIRST_ITEM) else None


def _after_mark(state: int, mark: str, open_marks: list[str]) -> int | None:
    """The state after a mark, with `open_marks` brought up to date; None where the mark may not stand."""
    if mark in "[{":
        open_marks.append(mark)
        opened = _FIRST_ITEM if mark == "[" else _FIRST_KEY
        return opened if state in (_VALUE, _FIRST_ITEM) else None
    if mark == ":":
        return _VALUE if state == _COLON else None
    inside = open_marks[-1] if open_marks else None
    if mark == ",":
        following = _VALUE if inside == "[" else _KEY
        return following if inside and state == _AFTER else None
    opener, empty = ("[", _FIRST_ITEM) if mark == "]" else ("{", _FIRST_KEY)
    if inside != opener or state not in (_AFTER, empty):
        return None
    open_marks.pop()
    return _AFTER
