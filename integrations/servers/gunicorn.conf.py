"""gunicorn --config gunicorn.conf.py entry:wsgi"""

import clew

logger_class = "clew.gunicorn.Logger"
logconfig_dict = clew.logging_config(service="shop")
workers = 4
