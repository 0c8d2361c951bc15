"""What every template may read: the shop, the page's place in the menu, and what whoever looks may do."""

import functools

from crm.accounts.access import Right, may, may_open


def shop(request):
    return {"shop": getattr(request, "shop", None), "theme": request.COOKIES.get("theme", "")}


def rights(request):
    """Give templates `{% if can.serve %}`, and the components of crm.lib what to leave out (ui.base.opens)."""
    user = getattr(request, "user", None)
    if user is None:
        return {}
    return {"can": {right.value: may(user, right) for right in Right}, "may_open": functools.partial(may_open, user)}
