"""Django's settings. What is clew's: the first MIDDLEWARE, CLEW and LOGGING."""

import os

import clew

MIDDLEWARE = [
    "clew.django.RequestIDMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
CLEW = {"exclude": ["/healthz"]}
LOGGING = clew.logging_config(service="accounts")

SECRET_KEY = os.environ["SHOP_SECRET"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "examples.accounts.views"
INSTALLED_APPS = [
    "clew.django",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "examples.accounts",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["ACCOUNTS_DATABASE"],
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
