"""A project with Django's own tasks, in a database, where a worker of its own runs them."""

import os

import clew

SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = ["integrations.django_tasks.project.apps.Shop", "django_tasks_db"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = clew.logging_config(service=os.environ.get("SERVICE", "worker"))
TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend"},
    "now": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"},
}
