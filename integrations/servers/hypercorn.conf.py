"""hypercorn --config file:hypercorn.conf.py hypercorn_entry:app"""

import sys

import clew

# The workers set up their logging with this,
logconfig_dict = clew.logging_config(service="shop")
workers = 4

# and hypercorn itself, which logs nothing, with this: it tells of a port that is in use.
clew.configure_logging(service="shop")
sys.excepthook = lambda *error: clew.get_logger("hypercorn").critical("Stopped", exc_info=error)
