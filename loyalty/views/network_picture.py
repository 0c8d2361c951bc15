"""A network as a picture: names in layers, arrows from above to below, as few crossings as sorting by neighbours gives.

K. Sugiyama, S. Tagawa, M. Toda (1981), "Methods for visual understanding of hierarchical system structures". An arrow
that skips a layer keeps a free place in it, so that it never runs beneath a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loyalty.estimators.network.tables import in_order

WIDE, HIGH = 118, 38  # a name's box
BESIDE, BELOW = 14, 54  # gaps
PASSING = 16  # the place of an arrow that skips a layer
MOST_BESIDE = 3
THINNEST, THICKEST = 1.2, 6.0
SWEEPS = 6


@dataclass(frozen=True)
class Box:
    name: str
    x: float
    y: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + WIDE / 2, self.y + HIGH / 2


@dataclass(frozen=True)
class Arrow:
    start: str
    end: str
    path: str  # of an SVG path
    head: str  # points of an SVG polygon
    thick: float


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]
    linked: frozenset[str]  # the names that have an arrow
    box_width: int = WIDE
    box_height: int = HIGH


def draw(names: Sequence[str], links: Sequence[tuple[str, str, float]]) -> Picture:
    """Return names and the arrows between them (start, end, weight), those without arrows last."""
    above = {name: [start for start, end, _weight in links if end == name] for name in names}
    linked = frozenset(name for start, end, _weight in links for name in (start, end))
    layer = _layers({name: above[name] for name in names if name in linked})
    depth = max(layer.values(), default=-1) + 1
    layers: list[list] = [[name for name in layer if layer[name] == level] for level in range(depth)]
    chains = {}
    for start, end, _weight in links:
        passing = [(start, end, level) for level in range(layer[start] + 1, layer[end])]
        for place in passing:
            layers[place[2]].append(place)
        chains[start, end] = [start, *passing, end]
    layers = _sorted(layers, [pair for chain in chains.values() for pair in pairwise(chain)])
    alone = [name for name in names if name not in linked]
    layers += [alone[at : at + MOST_BESIDE] for at in range(0, len(alone), MOST_BESIDE)]

    width = max((_width(row) for row in layers), default=0)
    spots: dict = {}
    for level, row in enumerate(layers):
        x = (width - _width(row)) / 2
        for item in row:
            spots[item] = (x, level * (HIGH + BELOW))
            x += _wide(item) + BESIDE
    heaviest = max((weight for _start, _end, weight in links), default=1) or 1
    out, into = _ports(chains, spots, first=True), _ports(chains, spots, first=False)
    arrows = []
    for start, end, weight in links:
        points = [(out[start, end], spots[start][1] + HIGH)]
        for place in chains[start, end][1:-1]:
            x, y = spots[place]
            points += [(x + PASSING / 2, y), (x + PASSING / 2, y + HIGH)]
        thick = round(THINNEST + (THICKEST - THINNEST) * (weight / heaviest) ** 0.5, 1)
        tip = 6 + thick
        x, y = into[start, end], spots[end][1]
        points.append((x, y - tip))
        head = f"{x - tip / 2:.1f},{y - tip:.1f} {x + tip / 2:.1f},{y - tip:.1f} {x:.1f},{y - 1:.1f}"
        arrows.append(Arrow(start, end, _curve(points), head, thick))
    boxes = [Box(name, round(spots[name][0], 1), spots[name][1]) for name in names]
    return Picture(width, len(layers) * (HIGH + BELOW) - BELOW if layers else 0, boxes, arrows, linked)


def _layers(parents: Mapping[str, list[str]]) -> dict[str, int]:
    """Return each name's layer: below its parents, in the first that has room."""
    layer: dict[str, int] = {}
    for name in in_order(parents):
        level = max((layer[parent] + 1 for parent in parents[name]), default=0)
        while list(layer.values()).count(level) >= MOST_BESIDE:
            level += 1
        layer[name] = level
    return layer


def _sorted(layers: list[list], pairs: list[tuple]) -> list[list]:
    """Return each layer in the order of the mean place of its neighbours, down and up again."""
    layers = [list(row) for row in layers]
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for level in range(1, len(layers)) if down else range(len(layers) - 2, -1, -1):
            beside = layers[level - 1 if down else level + 1]
            place = {item: (at + 0.5) / len(beside) for at, item in enumerate(beside)}
            own = {item: (at + 0.5) / len(layers[level]) for at, item in enumerate(layers[level])}

            def mean(item, place=place, own=own) -> float:
                near = [place[other] for pair in pairs if item in pair for other in pair if other in place]
                return sum(near) / len(near) if near else own[item]

            layers[level].sort(key=mean)
    return layers


def _ports(chains: Mapping[tuple, list], spots: Mapping, *, first: bool) -> dict[tuple, float]:
    """Return where along the edge of its box each arrow leaves (or arrives), in the order of where it leads."""
    of_box: dict = {}
    for link, chain in chains.items():
        box, leads = (chain[0], chain[1]) if first else (chain[-1], chain[-2])
        of_box.setdefault(box, []).append((spots[leads][0] + _wide(leads) / 2, link))
    found = {}
    for box, ways in of_box.items():
        for at, (_x, link) in enumerate(sorted(ways)):
            found[link] = round(spots[box][0] + WIDE * (at + 1) / (len(ways) + 1), 1)
    return found


def _curve(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        half = (y + to_y) / 2
        path += f" C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _wide(item) -> int:
    return WIDE if isinstance(item, str) else PASSING


def _width(row: list) -> int:
    return sum(map(_wide, row)) + BESIDE * max(len(row) - 1, 0)
