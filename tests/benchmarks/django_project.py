"""A Django project of one view."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "benchmark"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
INSTALLED_APPS = ["django_guid", "django_structlog"]
DJANGO_GUID = {
    "GUID_HEADER_NAME": "X-Request-ID",
    "VALIDATE_GUID": True,
    "RETURN_HEADER": True,
    "EXPOSE_HEADER": False,
    "INTEGRATIONS": [],
}
LOGGING_CONFIG = None


def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """Answer with a little JSON."""
    return HttpResponse(b'{"id":42,"name":"lamp"}', content_type="application/json")


urlpatterns = [path("orders/<int:order_id>", order)]
