"""A project with a LOGGING of its own, REST framework and Ninja beside plain views."""

from __future__ import annotations

import os

import clew

SECRET_KEY = "of the test, which is long enough for HS256"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "project.urls"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DB", ":memory:")}
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "clew.django",
]
MIDDLEWARE = [
    "clew.django.RequestIDMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["project.authentication.JWTAuthentication"]}

# clew's, with a handler of the project's own in it: a file for people.
LOGGING = clew.logging_config(service="shop")
LOGGING["filters"]["ids"] = {"()": "clew.ContextFilter", "default": "-"}
LOGGING["formatters"]["text"] = {
    "format": "%(levelname)s %(name)s [%(requestId)s %(userId)s] %(message)s"
}
LOGGING["handlers"]["file"] = {
    "class": "logging.FileHandler",
    "filename": os.environ["LOG"],
    "formatter": "text",
    "filters": ["ids"],
}
LOGGING["root"]["handlers"].append("file")
