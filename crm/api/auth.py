"""Who is asking: a key in the Authorization header, with the scope an act needs."""

import datetime as dt

from django.utils.translation import gettext as _
from ninja.errors import HttpError
from ninja.security import HttpBearer

from crm.accounts import throttling
from crm.api import keys
from crm.lib import clock

_TRIES, _PER = 30, dt.timedelta(minutes=10)


class Scope(HttpBearer):
    """Let a key in that has this scope; wrong keys from one address are counted."""

    def __init__(self, scope: str):
        super().__init__()
        self.scope = scope

    def authenticate(self, request, token: str):
        now = clock.now()
        key = keys.find(token, now=now)
        if key is None:
            if not throttling.allow("api-key", throttling.address_of(request), limit=_TRIES, per=_PER, now=now):
                raise HttpError(429, _("Too many wrong keys. Wait ten minutes."))
            return None
        if self.scope and self.scope not in key.scopes:
            raise HttpError(403, _("This key may not do that: it lacks “%(scope)s”.") % {"scope": self.scope})
        return key
