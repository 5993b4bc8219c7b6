"""Settings common to every installation; each value that differs comes from the environment.

The variables are listed in docs/operations.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from config import schedule

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parents[3]
DATA_DIR = Path(env("QINGSHU_DATA", default=str(BASE_DIR / ".qingshu"))).absolute()

DEBUG = False
SECRET_KEY = env("SECRET_KEY", default="")
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

DOMAIN_APPS = [
    "annotation.projects",
    "annotation.intake",
    "annotation.work",
    "annotation.servers",
    "annotation.quality",
    "annotation.inspection",
    "assets.transparency",
    "assets.datasets",
    "assets.uploads",
    "assets.profiles",
    "assets.exports",
    "assets.registry",
    "assets.credentials",
    "exchange.catalogue",
    "exchange.searches",
    "exchange.demands",
    "exchange.tenders",
    "exchange.trading",
    "exchange.requests",
    "exchange.reviews",
    "exchange.delivery",
    "exchange.acceptance",
    "exchange.filings",
    "exchange.pilots",
    "exchange.brokers",
    "exchange.dataspace",
    "settlement.ledger",
    "settlement.payments",
    "settlement.milestones",
    "settlement.payruns",
    "settlement.invoicing",
    "settlement.banking",
    "settlement.merchant",
    "settlement.revenue",
    "settlement.risk",
    "settlement.rewards",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "pgtrigger",
    "django_htmx",
    "lucide",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "kernel",
    "accounts",
    "organizations",
    "audit",
    "signing",
    "gateway",
    "documents",
    "jobs",
    "notifications",
    "web",
    *DOMAIN_APPS,
    "config",
]
MIDDLEWARE = [
    "web.middleware.RequestIdMiddleware",
    "web.metrics.MetricsMiddleware",
    "web.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "organizations.middleware.CurrentOrganizationMiddleware",
    "web.middleware.ReadOnlyOnGetMiddleware",
    "web.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "config.urls"
CSRF_FAILURE_VIEW = "web.errors.csrf_failure"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.csrf",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.context.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "web.templatetags.ui"],
        },
    }
]
# Our templates override those of packages, so the shell comes first in the look-up order.
INSTALLED_APPS.insert(0, INSTALLED_APPS.pop(INSTALLED_APPS.index("web")))

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://qingshu@/qingshu")}
DATABASES["default"].update(
    {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
    }
)
# Statements are planned once per connection; set DATABASE_PREPARE=0 behind a pooler that shares connections.
if env.bool("DATABASE_PREPARE", default=True):
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        {"server_side_binding": True, "prepare_threshold": 3}
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env("BROKER_URL", default="")
BEAT_SCHEDULE = schedule.BEAT_SCHEDULE
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env("CACHE_URL", default=BROKER_URL),
    }
    if env("CACHE_URL", default=BROKER_URL)
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# S3: any compatible store. S3_PUBLIC_ENDPOINT is the address browsers reach, if it differs.
S3_ENDPOINT = env("S3_ENDPOINT", default="http://127.0.0.1:9000")
S3_PUBLIC_ENDPOINT = env("S3_PUBLIC_ENDPOINT", default=S3_ENDPOINT)
# Browsers upload to and download from the store itself, so pages may reach it.
CSP_OBJECT_STORE_ORIGINS = [S3_PUBLIC_ENDPOINT]
S3_ACCESS_KEY = env("S3_ACCESS_KEY", default="")
S3_SECRET_KEY = env("S3_SECRET_KEY", default="")
S3_BUCKET = env("S3_BUCKET", default="qingshu")
S3_REGION = env("S3_REGION", default="us-east-1")
# Days for which the store itself keeps sealed files from deletion; 0 is off. The bucket must have object lock.
S3_OBJECT_LOCK_DAYS = env.int("S3_OBJECT_LOCK_DAYS", default=0)
S3_OBJECT_LOCK_MODE = env("S3_OBJECT_LOCK_MODE", default="governance")  # or compliance

# An upload of dataset files: how many files, how many bytes in one file and in all of them.
UPLOAD_MOST_FILES = env.int("UPLOAD_MOST_FILES", default=100_000)
UPLOAD_LARGEST_FILE = env.int("UPLOAD_LARGEST_FILE", default=5 * 1024**3)
UPLOAD_LARGEST_TOTAL = env.int("UPLOAD_LARGEST_TOTAL", default=2 * 1024**4)

# Bringing data in: hosts whose buckets a firm may read from and whose models it may ask (a leading dot: all below it),
# and whether these may lie at private addresses and speak plain HTTP.
INTAKE_STORAGE_HOSTS = env.list(
    "INTAKE_STORAGE_HOSTS",
    default=[
        ".aliyuncs.com",
        ".myqcloud.com",
        ".myhuaweicloud.com",
        ".volces.com",
        ".amazonaws.com.cn",
        ".amazonaws.com",
    ],
)
INTAKE_MODEL_HOSTS = env.list("INTAKE_MODEL_HOSTS", default=[])
INTAKE_PRIVATE_ADDRESSES = env.bool("INTAKE_PRIVATE_ADDRESSES", default=False)
INTAKE_LARGEST_FILE = env.int("INTAKE_LARGEST_FILE", default=512 * 1024**2)  # bytes of one file of an import
INTAKE_LARGEST_TOTAL = env.int(
    "INTAKE_LARGEST_TOTAL", default=20 * 1024**3
)  # bytes of all files of an import
INTAKE_RETRAIN_EVERY = env.int(
    "INTAKE_RETRAIN_EVERY", default=50
)  # newly accepted tasks after which a model learns again

SIGNING_KEYS_DIR = Path(env("SIGNING_KEYS_DIR", default=str(DATA_DIR / "keys")))
SIGNING_ISSUER = env("SIGNING_ISSUER", default=SITE_URL)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "phone"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "phone", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Qingshu"
EMAIL_CONFIG = env.email_url("EMAIL_URL", default=f"filemail:///{DATA_DIR / 'mail'}")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="qingshu@localhost")

# Registration: working days of public notice before a certificate, and years a certificate is valid.
REGISTRATION_NOTICE_WORKING_DAYS = env.int("REGISTRATION_NOTICE_WORKING_DAYS", default=10)
REGISTRATION_VALIDITY_YEARS = env.int("REGISTRATION_VALIDITY_YEARS", default=3)
# Later dated rows of the registry's parameters: [{"since": "2027-01-01", "notice_working_days": 15}, …]
REGISTRATION_PARAMETERS: list[dict[str, object]] = env.json("REGISTRATION_PARAMETERS", default=[])

# Profiles: from how many persons, or identity and bank numbers, data are suggested to be important. The
# platform's own rule; no statute gives these figures.
PROFILES_IMPORTANT_PERSONS = env.int("PROFILES_IMPORTANT_PERSONS", default=100_000)
PROFILES_IMPORTANT_CREDENTIALS = env.int("PROFILES_IMPORTANT_CREDENTIALS", default=10_000)

# The secret from which S3 credentials and the marks of copies are derived; SECRET_KEY when empty.
DELIVERY_KEY = env("DELIVERY_KEY", default="")
# What a download puts on record is written while a GET is answered.
READ_ONLY_GUARD_TABLES = [
    "delivery_access", "delivery_ticketuse", "delivery_meteredcall", "delivery_meter",
]  # fmt: skip

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
# The labelling editor's files (requirements-editor.lock), under an address that names their version.
# Without them, the labelling page is the plain form.
EDITOR_VERSION = "1.13.1"
EDITOR_PATH = f"label-studio-{EDITOR_VERSION}"
_editor = Path(sys.prefix) / "share" / "label-studio-editor" / EDITOR_VERSION
HAS_EDITOR = _editor.is_dir()
STATICFILES_DIRS = [(EDITOR_PATH, _editor)] if HAS_EDITOR else []
WHITENOISE_IMMUTABLE_FILE_TEST = rf"^/static/{EDITOR_PATH}/"
WHITENOISE_AUTOREFRESH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# Purchase requests: days for which a supplier's approval and one version of negotiated terms hold.
REQUEST_APPROVAL_DAYS = env.int("REQUEST_APPROVAL_DAYS", default=14)
OFFER_VALID_DAYS = env.int("OFFER_VALID_DAYS", default=7)

# Years for which a kind of broker record is kept, e.g. "review=5,transaction=10"; never under three.
BROKER_RECORD_YEARS: dict[str, int] = env.dict("BROKER_RECORD_YEARS", cast={"value": int}, default={})
EXCHANGE_FEE_BP = env.int("EXCHANGE_FEE_BP", default=200)  # the exchange's share of a trade, basis points

# Whether imported bank lines that name one payment exactly are matched without a person.
BANK_AUTO_MATCH = env.bool("BANK_AUTO_MATCH", default=False)
# The custody bank's prefix of one virtual account per order (prefix + year + serial); empty: there are none.
BANK_VIRTUAL_PREFIX = env("BANK_VIRTUAL_PREFIX", default="")

# Days for each step of a complaint about a delivery; each period ends at that very second.
COMPLAINT_ANSWER_DAYS = env.int("COMPLAINT_ANSWER_DAYS", default=3)
COMPLAINT_REPLY_DAYS = env.int("COMPLAINT_REPLY_DAYS", default=3)
DISPUTE_EVIDENCE_DAYS = env.int("DISPUTE_EVIDENCE_DAYS", default=5)
DISPUTE_RULING_DAYS = env.int("DISPUTE_RULING_DAYS", default=7)
REPLACEMENT_DAYS = env.int("REPLACEMENT_DAYS", default=10)
# In disputes about more than this price (fen) a second operator confirms the ruling.
RULING_CONFIRMATION_FEN = env.int("RULING_CONFIRMATION_FEN", default=10_000_000)

# The outside exchange that filings are reported to; off while the address is empty: they wait in the queue.
OUTSIDE_EXCHANGE_URL = env("OUTSIDE_EXCHANGE_URL", default="")
OUTSIDE_EXCHANGE_SECRET = env("OUTSIDE_EXCHANGE_SECRET", default="")
OUTSIDE_EXCHANGE_ADAPTER = env("OUTSIDE_EXCHANGE_ADAPTER", default="exchange.filings.outside.SignedHttp")
OUTSIDE_EXCHANGE_TIMEOUT_SECONDS = env.float("OUTSIDE_EXCHANGE_TIMEOUT_SECONDS", default=10)

# Payments at /v1/. A live installation knows no test cards; every object tells which kind it is in `livemode`.
PAYMENTS_LIVE = env.bool("PAYMENTS_LIVE", default=False)
# The bank that keeps the virtual accounts, as payers are told.
PAYMENTS_BANK_NAME = env("PAYMENTS_BANK_NAME", default="示例银行清远分行")
# The custody account that buyers transfer an order's price to when the order has no account of its own, and its holder.
PAYMENTS_CUSTODY_ACCOUNT = env("PAYMENTS_CUSTODY_ACCOUNT", default="")
PAYMENTS_CUSTODY_HOLDER = env("PAYMENTS_CUSTODY_HOLDER", default="清远数据交易服务基地托管专户（示例）")
# So long after a transfer its sender may take it back (0: never); its recipient may send it back at any time.
TRANSFER_REVERSAL_HOURS = env.int("TRANSFER_REVERSAL_HOURS", default=24)
# What one person sends out of an organization's balance in a day (fen): payouts beyond it wait for two people, transfers
# beyond it are refused.
PAYOUT_APPROVAL_FEN = env.int("PAYOUT_APPROVAL_FEN", default=5_000_000)
# Whether events may go to private and loopback addresses and over plain HTTP; for development only.
WEBHOOK_PRIVATE_ADDRESSES = env.bool("WEBHOOK_PRIVATE_ADDRESSES", default=False)
PAYMENTS_CALLS_A_MINUTE = env.int("PAYMENTS_CALLS_A_MINUTE", default=1200)  # of one API key at /v1/

# Whether firms may name Label Studio servers on private and loopback addresses and over plain HTTP.
LABELSTUDIO_PRIVATE_ADDRESSES = env.bool("LABELSTUDIO_PRIVATE_ADDRESSES", default=False)

METRICS_TOKEN = env("METRICS_TOKEN", default="")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
}
