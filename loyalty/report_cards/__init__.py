"""How good each method is on this shop's past, one module a task.

`card(history, task=, cut=, horizon=)` learns up to a cut and measures what came after it; `rows(...)` turns what a
night run tested into ReportCards.
"""
