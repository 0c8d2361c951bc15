"""Pages anyone may open say so with one decorator; every other page needs the owner."""


def public(view):
    """Mark a view as open without a login."""
    view.is_public = True
    return view


def before_setup(view):
    """Mark a view as open on a box that has no owner yet."""
    view.works_before_setup = True
    return public(view)
