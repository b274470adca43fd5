"""The schema on FastAPI."""

from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter

import clew
import clew.fastapi
from integrations.graphql.shop import schema

clew.configure_logging(service="shop")
app = FastAPI()
clew.fastapi.install(app, exclude=["/quiet"])
protocols = ("graphql-transport-ws", "graphql-sse", "multipart-subscription")
app.include_router(GraphQLRouter(schema, subscription_protocols=protocols), prefix="/graphql")
app.include_router(GraphQLRouter(schema), prefix="/quiet")
