"""DJANGO_SETTINGS_MODULE=project.settings LOG=shop.log gunicorn project.wsgi"""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
