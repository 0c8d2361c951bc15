"""Pages anyone may open say so with one decorator; every other page needs the owner."""


def public(view):
    """Mark a view as open without a login."""
    view.is_public = True
    return view
