"""The application that gunicorn serves, with a database made afresh where there is none."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "examples.accounts.settings"
application = get_wsgi_application()


def make_database() -> None:
    """Make the tables and three users: a customer, an employee, and one to be deleted."""
    from django.contrib.auth.models import User  # it can be imported only now

    call_command("migrate", run_syncdb=True, verbosity=0)
    if not User.objects.exists():
        User.objects.create_user("ada", password="analytical", pk=12345)
        User.objects.create_user("grace", password="cobol", pk=7, is_staff=True)
        User.objects.create_user("mallory", pk=999)


make_database()
