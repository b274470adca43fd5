"""DJANGO_SETTINGS_MODULE=project.settings LOG=shop.log uvicorn project.asgi:application"""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
