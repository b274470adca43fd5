"""gunicorn -c examples/accounts/gunicorn_conf.py: gunicorn's own lines are JSON too."""

import clew

wsgi_app = "examples.accounts.wsgi:application"
threads = 4
control_socket_disable = True  # else gunicorn keeps one in the home directory
logconfig_dict = clew.logging_config(service="accounts")
