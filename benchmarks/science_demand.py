"""Print how well units ahead are told on public data, every candidate beside the plain rule in the same run.

    python benchmarks/science_demand.py [--data ../shared/data] [--only retail journey grocer size]

Rolling origins, one horizon apart. RMSSE: errors over what the plain rule is usually off by (below the plain rule's is
better); MASE in the same way without squares; covered: share of products inside their span of 8 in 10. "chosen before" is
the method picked before the newest window, on that window alone. `grocer` is drawn (season, refills, seldom sold; the
public groceries baskets hold no dates), `size` times 20,000 products over three years. Needs no database.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import science_offers
from loyalty.estimators import demand
from loyalty.estimators.demand import Sales, simulate

PARTS = ("retail", "journey", "grocer", "size")
WEEKS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in options.only:
            if name == "size":
                size()
            elif name == "grocer":
                card(name, grocer())
            else:
                try:
                    card(name, Sales.of(science_offers.READERS[name](options.data)))
                except FileNotFoundError as error:
                    print(f"\n{name}: {error.filename} is not here")


def card(name: str, sales: Sales) -> None:
    began = time.perf_counter()
    tests = demand.back_test(sales, WEEKS)
    took = time.perf_counter() - began
    plain = mase(tests, demand.BASELINE)
    print(
        f"\n{name}: {int(tests.forecast.alive.sum()):,} products selling, {len(sales.day):,} lines; {len(tests.trials)} "
        f"windows of {tests.ahead} weeks; speaks: {tests.champion}; {took:.1f} s"
    )
    print(f"  {'':<14}{'RMSSE':>8}{'to plain':>10}{'MASE':>8}{'to plain':>10}{'total':>8}{'covered':>9}{'pinball':>9}")
    for candidate, m in demand.measures(tests).items():
        scaled = mase(tests, candidate)
        mark = " <- speaks" if candidate == tests.champion else " (plain)" if candidate == demand.BASELINE else ""
        print(
            f"  {candidate:<14}{m['rmsse']:>8.3f}{m['relative']:>10.3f}{scaled:>8.3f}{scaled / plain:>10.3f}"
            f"{m['total']:>+8.1%}{m['covered']:>9.1%}{m['pinball']:>9.3f}{mark}"
        )
    newest(sales, tests)


def newest(sales: Sales, tests: demand.Tests) -> None:
    """Print what was chosen before the newest window, told for it, and came."""
    window = tests.trials[-1]
    before = demand.back_test(sales.upto(window.day), tests.ahead)
    told = before.forecast
    came = np.zeros(sales.products)
    came[tests.forecast.product] = window.came_whole
    came = came[told.product][told.alive]
    inside = (came >= told.low[told.alive]) & (came <= told.high[told.alive])
    print(
        f"  chosen before the newest window: {before.champion}; told {told.expected.sum():,.0f} units, "
        f"{came.sum():,.0f} came; {inside.mean():.1%} of products inside their span"
    )


def mase(tests: demand.Tests, name: str) -> float:
    off = [np.minimum(np.abs(w.told[name] - w.came) / w.scale, 6)[w.alive] for w in tests.trials]
    return float(np.concatenate(off).mean())


def grocer() -> Sales:
    """Draw a grocer: what breathes with the year, what is refilled by a clock, what sells seldom."""
    weeks = 130
    breathing, _ = simulate.poisson(products=250, weeks=weeks, swing=0.5, growth=0.1, seed=1)
    refilled, _ = simulate.refills(products=150, customers=12, weeks=weeks, seed=2)
    seldom, _ = simulate.intermittent(products=250, weeks=weeks, seed=3)
    return simulate.joined(breathing, refilled, seldom)


def size() -> None:
    """Time 20,000 products with 600,000 lines over three years."""
    rng = np.random.default_rng(0)
    products, lines, days = 20_000, 600_000, 7 * 156
    share = rng.gamma(0.6, 1, products)
    sales = simulate.drawn(
        rng.choice(products, lines, p=share / share.sum()), rng.integers(-1, 30_000, lines), rng.integers(0, days, lines),
        rng.geometric(0.6, lines), products=products, as_of=days - 1,
    )  # fmt: skip
    began, worked = time.perf_counter(), time.process_time()
    tests = demand.back_test(sales, WEEKS)
    print(
        f"\nsize: {products:,} products, {lines:,} lines, 156 weeks: {time.perf_counter() - began:.1f} s "
        f"({time.process_time() - worked:.1f} s of the processor), {len(tests.trials)} windows; "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB"
    )


if __name__ == "__main__":
    main()
