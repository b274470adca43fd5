"""Who comes with a JWT, for REST framework and for Ninja."""

from __future__ import annotations

import jwt
from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

import clew


def subject(token: str) -> str | None:
    """Return whom a token names; None where it is no good one."""
    try:
        return str(jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError:
        return None


class User:
    """A user without a table: clew reads `pk`, where `is_authenticated` says so."""

    is_authenticated = True

    def __init__(self, pk: str) -> None:
        self.pk = pk


class JWTAuthentication(BaseAuthentication):  # type: ignore[misc]
    """REST framework puts the user it returns into the request, where clew finds it."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        pk = subject(token)
        if pk is None:
            raise AuthenticationFailed
        return User(pk), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class JWTBearer(HttpBearer):
    """Ninja keeps what it returns in `request.auth`, of whatever type: so it is bound."""

    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        pk = subject(token)
        if pk is not None:
            clew.bind(user_id=pk)
        return pk
