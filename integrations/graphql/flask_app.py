"""The schema on Flask."""

from flask import Flask
from strawberry.flask.views import GraphQLView

import clew
import clew.flask
from integrations.graphql.shop import schema

clew.configure_logging(service="shop")
app = Flask(__name__)
clew.flask.install(app, exclude=["/quiet"])
for path in ("/graphql", "/quiet"):
    app.add_url_rule(path, view_func=GraphQLView.as_view(path, schema=schema))
