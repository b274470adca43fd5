"""The shop's accounts: who may log in, and a journal for each user."""

import json
from collections.abc import Callable
from functools import wraps

from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

import clew

from .models import JournalEntry

log = clew.get_logger("shop.accounts")


def healthz(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@require_http_methods(["POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    given = json.loads(request.body)
    user = authenticate(request, username=given["name"], password=given["password"])
    if user is None:
        log.warning("Login failed", action="LOGIN_FAILED")
        return JsonResponse({"detail": "Wrong name or password."}, status=401)
    login(request, user)
    log.info("Logged in", action="LOGIN", value=f"user:{user.pk}")
    return JsonResponse({"userId": str(user.pk)})


def for_users(
    view: Callable[[HttpRequest, User, int], HttpResponse],
) -> Callable[[HttpRequest, int], HttpResponse]:
    """Let in who has logged in: employees everywhere, others to what is their own."""

    @wraps(view)
    def guarded(request: HttpRequest, user_id: int) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return JsonResponse({"detail": "Log in first."}, status=401)
        if user.pk != user_id and not user.is_staff:
            return JsonResponse({"detail": "This is somebody else's."}, status=403)
        return view(request, user, user_id)

    return guarded


@require_http_methods(["GET", "POST"])
@for_users
def journal(request: HttpRequest, _user: User, user_id: int) -> HttpResponse:
    if request.method == "POST":
        text = json.loads(request.body)["text"]
        JournalEntry.objects.create(user_id=user_id, text=text)
        log.info("Wrote user journal", action="WRITE_JOURNAL", value=f"user:{user_id}")
        return JsonResponse({"written": text}, status=201)
    log.info("Read user journal", action="READ_JOURNAL", value=f"user:{user_id}")
    entries = JournalEntry.objects.filter(user_id=user_id).order_by("pk")
    return JsonResponse({"journal": [entry.text for entry in entries]})


@require_http_methods(["DELETE"])
@for_users
def account(request: HttpRequest, user: User, user_id: int) -> HttpResponse:
    if not user.is_staff:
        return JsonResponse({"detail": "Only employees delete users."}, status=403)
    comment = json.loads(request.body)["comment"]
    deleted, _ = User.objects.filter(pk=user_id).delete()
    if not deleted:
        return JsonResponse({"detail": f"There is no user {user_id}."}, status=404)
    log.info(
        "Deleted user", action="DELETE", model="User", value=f"user:{user_id}", comment=comment
    )
    return JsonResponse({"deleted": user_id})


urlpatterns = [
    path("healthz", healthz),
    path("login", log_in),
    path("users/<int:user_id>", account),
    path("users/<int:user_id>/journal", journal),
]
