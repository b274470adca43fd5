"""gunicorn examples.shortest.django_app:app"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

import clew

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["clew.django.RequestIDMiddleware"],
    LOGGING=clew.logging_config(),
)
log = clew.get_logger(__name__)


def hello(_request: HttpRequest, name: str) -> HttpResponse:
    log.info("Said hello", action="HELLO", value=name)
    return HttpResponse("hello")


urlpatterns = [path("hello/<name>", hello)]
app = get_wsgi_application()
