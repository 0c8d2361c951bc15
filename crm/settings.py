"""One settings file; everything a box may differ in comes from the environment (.env.example)."""

import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from crm.lib import broker, env, sqlite

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(Path(os.environ.get("ENV_FILE", BASE_DIR / ".env")))
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)


def _kept_secret() -> str:
    """Return this box's secret key, made on the first start and kept in the data folder."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        new = DATA_DIR / f"secret_key.{os.getpid()}"
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(new, path)  # whole or not at all, and the first of two starts wins
        new.unlink()
    return path.read_text().strip()


DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or _kept_secret()
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
SITE_URL = env.text("SITE_URL", f"http://127.0.0.1:{env.number('PORT', 8000)}").rstrip("/")
# On this machine only: its own names, so that no foreign page can reach the box by a name of its own (DNS rebinding).
# Open to a network without a SITE_URL: we cannot know our names there.
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
_UNNAMED = env.text("HOST", "127.0.0.1") not in [*_LOOPBACK, "::1"] and not env.text("SITE_URL")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS") or (["*"] if _UNNAMED else [*_LOOPBACK, urlsplit(SITE_URL).hostname])
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL.startswith("https://") else []
HTTPS = SITE_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "crm.lib",
    "crm.accounts",
    "crm.contacts",
    "crm.orders",
    "crm.rewards",
    "crm.coupons",
    "crm.portal",
    "crm.campaigns",
    "crm.listening",
    "crm.imports",
    "crm.keeping",
    "crm.home",
    "crm.api",
    "crm.till",
    "loyalty",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "crm.lib.headers.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.lib.htmx.HtmxRedirects",
    "crm.accounts.middleware.ShopLanguageAndZone",
    "crm.accounts.middleware.FirstVisit",
    "crm.accounts.middleware.OwnersOnly",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.accounts.context.shop",
                "crm.accounts.context.rights",
                "crm.home.context.menu",
            ],
            "builtins": ["crm.lib.templatetags.ui", "crm.lib.templatetags.say", "django.templatetags.i18n",
                         "django.templatetags.static", "template_partials.templatetags.partials"],
        },
    }
]

DATABASES = {
    "default": env.database(
        env.text("DATABASE_URL"), sqlite_init=sqlite.journal_pragmas(), default_path=DATA_DIR / "regulars.sqlite3"
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home:today"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # the proxy in front of the box speaks TLS and redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # see SECURE_SSL_REDIRECT

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = DATA_DIR / "files"  # uploads live here; no address serves them
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
MAX_IMPORT_BYTES = env.number("MAX_IMPORT_MB", 1024) * 1024 * 1024

BACKUP_DIR = Path(env.text("BACKUP_DIR", str(DATA_DIR / "backups"))).resolve()
BACKUP_PASSPHRASE = env.text("BACKUP_PASSPHRASE")
BACKUP_NIGHTLY = env.flag("BACKUP_NIGHTLY", default=True)

EMAIL_URL = env.text("EMAIL_URL")
if EMAIL_URL:
    globals().update(env.email(EMAIL_URL))
MAIL_FROM = env.text("MAIL_FROM")
INBOX_URL = env.text("INBOX_URL")

WEBHOOK_HOSTS = env.items("WEBHOOK_HOSTS")  # machines of one's own network that may be told of changes

REDIS_URL = env.text("REDIS_URL")
CELERY_BROKER_URL = (
    env.text("BROKER_URL") or REDIS_URL or broker.live_url(DATA_DIR) or f"filesystem://{DATA_DIR}/queue"
)
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = broker.filesystem_options(DATA_DIR)
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 2 * 3600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # nothing to remember: the sweep itself knows what is due
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "crm.home.tasks.sweep", "schedule": 60.0, "options": {"expires": 55}}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO" if DEBUG else "WARNING")},
}
