"""PromQL, as much of it as ops/ uses, evaluated on samples in memory; anything else is an error.

The parser is Prometheus' grammar (promql-parser); what is evaluated here is one instant, with two scrapes for a range.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else float("nan"),
}
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


class Scrape(NamedTuple):
    """The samples of one moment, by metric."""

    at: float
    samples: Mapping[str, Vector]


def scrape(text: str, at: float) -> Scrape:
    """/metrics as Prometheus reads it."""
    found: dict[str, Vector] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Scrape(at, found)


def names(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    found = (node.name for node in _nodes(promql.parse(expression)) if isinstance(node, promql.VectorSelector))
    return {name for name in found if name}


def _nodes(node: Any) -> Iterable[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None:
            yield from _nodes(child)
    for argument in getattr(node, "args", ()):
        yield from _nodes(argument)


class Evaluator:
    """One instant: the later scrape; `earlier` is the other end of every range."""

    def __init__(self, earlier: Scrape, later: Scrape) -> None:
        self._earlier, self._later = earlier, later

    def __call__(self, expression: str) -> Vector:
        """The result as a vector; a number counts as one of no label."""
        return _vector(self._value(promql.parse(expression)))

    def _value(self, node: Any) -> Vector | float:
        match node:
            case promql.NumberLiteral():
                return float(node.val)
            case promql.ParenExpr():
                return self._value(node.expr)
            case promql.VectorSelector():
                return self._selected(node, self._later)
            case promql.BinaryExpr():
                return self._binary(str(node.op), node)
            case promql.AggregateExpr():
                return self._aggregate(node)
            case promql.Call():
                return self._call(node.func.name, node.args)
        raise NotImplementedError(type(node).__name__)

    def _selected(self, node: Any, moment: Scrape) -> Vector:
        wanted = [(m.name, m.value) for m in node.matchers.matchers]
        assert all(str(m.op) == "MatchOp.Equal" for m in node.matchers.matchers), "only = is known here"
        found = moment.samples.get(node.name, {})
        return {labels: value for labels, value in found.items() if all(pair in labels for pair in wanted)}

    def _call(self, name: str, arguments: list[Any]) -> Vector | float:
        if name == "time":
            return self._later.at
        if name == "vector":
            return _vector(self._value(arguments[0]))
        if name in {"rate", "increase"}:
            return self._increase(arguments[0].vector_selector, per_second=name == "rate")
        if name == "histogram_quantile":
            return _quantile(float(arguments[0].val), _vector(self._value(arguments[1])))
        raise NotImplementedError(name)

    def _increase(self, selector: Any, *, per_second: bool) -> Vector:
        before, after = self._selected(selector, self._earlier), self._selected(selector, self._later)
        seconds = self._later.at - self._earlier.at if per_second else 1.0
        return {labels: (after[labels] - before[labels]) / seconds for labels in after.keys() & before.keys()}

    def _aggregate(self, node: Any) -> Vector:
        kept = set(node.modifier.labels) if node.modifier is not None else set()
        groups: dict[Labels, list[float]] = {}
        for labels, value in _vector(self._value(node.expr)).items():
            groups.setdefault(frozenset(pair for pair in labels if pair[0] in kept), []).append(value)
        work: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "count": len}
        return {labels: float(work[str(node.op)](values)) for labels, values in groups.items()}

    def _binary(self, name: str, node: Any) -> Vector | float:
        left, right = self._value(node.lhs), self._value(node.rhs)
        if name == "and":
            return {labels: value for labels, value in _vector(left).items() if labels in _vector(right)}
        if name == "or":
            return {**_vector(right), **_vector(left)}
        if isinstance(left, float) and isinstance(right, float):
            return _ARITHMETIC[name](left, right)
        pairs = _pairs(left, right)
        if name in _ARITHMETIC:
            return {labels: _ARITHMETIC[name](*pair) for labels, pair in pairs.items()}
        return {labels: pair[0] for labels, pair in pairs.items() if _COMPARED[name](*pair)}


def _vector(value: Vector | float) -> Vector:
    return value if isinstance(value, dict) else {frozenset(): value}


def _pairs(left: Vector | float, right: Vector | float) -> dict[Labels, tuple[float, float]]:
    if isinstance(right, float):
        return {labels: (value, right) for labels, value in _vector(left).items()}
    if isinstance(left, float):
        return {labels: (left, value) for labels, value in right.items()}
    return {labels: (left[labels], right[labels]) for labels in left.keys() & right.keys()}


def _quantile(q: float, buckets: Vector) -> Vector:
    """The upper bound of the bucket that holds the quantile: coarser than Prometheus, and enough to see it is there."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in buckets.items():
        bound = float(dict(labels)["le"])
        groups.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append((bound, value))
    found: Vector = {}
    for labels, rows in groups.items():
        total = max(value for _, value in rows)
        found[labels] = min(bound for bound, value in rows if value >= q * total)
    return found
