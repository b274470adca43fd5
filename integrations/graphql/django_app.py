"""The schema on Django, a whole project in one module.

``wsgi`` and ``asgi`` serve it; a sync view is at ``/graphql``, an async one at ``/async``.
"""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

import clew
from integrations.graphql.shop import schema

settings.configure(
    ALLOWED_HOSTS=["*"],
    CLEW={"exclude": ["/quiet", "/async/quiet"]},
    LOGGING=clew.logging_config(service="shop"),
    MIDDLEWARE=["clew.django.RequestIDMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the example",
)
wsgi, asgi = get_wsgi_application(), get_asgi_application()

from strawberry.django.views import AsyncGraphQLView, GraphQLView  # noqa: E402

view = csrf_exempt(GraphQLView.as_view(schema=schema))
async_view = csrf_exempt(AsyncGraphQLView.as_view(schema=schema))
urlpatterns = [
    path("graphql", view),
    path("quiet", view),
    path("async/graphql", async_view),
    path("async/quiet", async_view),
]
