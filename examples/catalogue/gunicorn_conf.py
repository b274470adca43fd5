"""gunicorn -c examples/catalogue/gunicorn_conf.py: gunicorn's own lines are JSON too."""

import os

import clew

wsgi_app = "examples.catalogue.app:app"
threads = 4
control_socket_disable = True  # else gunicorn keeps one in the home directory
# What a worker that is killed was at is written by the next one.
logconfig_dict = clew.logging_config(service="catalogue", unfinished=os.environ.get("SHOP_RUN"))
