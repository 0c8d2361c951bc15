"""Regulars: the shop's memory. People, orders, points, messages.

The SQLite driver is chosen here, before Django imports one: see crm/lib/sqlite.py.
"""

__version__ = "0.1.0"

from crm.lib import sqlite

sqlite.use_safe_build()
