"""Security headers on every answer. The names follow Django 6's own, so the move there is a deletion."""

from django.http import HttpResponse

CSP = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# A rendered e-mail has inline styles; it is shown in a frame of its own that may run nothing.
MAIL_PREVIEW_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; sandbox"
)
_DEFAULT = "; ".join(f"{name} {value}" for name, value in CSP.items())
VARY_ON = ("HX-Request", "HX-History-Restore-Request", "HX-Target")


def unlinked(response: HttpResponse) -> HttpResponse:
    """Keep an address that lets somebody in out of other sites' logs and out of search engines."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


class SecurityHeaders:
    """Add the content security policy; a view may have set its own already."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _DEFAULT)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
