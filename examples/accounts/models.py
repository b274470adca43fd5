"""What the accounts keep besides Django's own users and sessions."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models


class JournalEntry(models.Model):
    user: models.ForeignKey[User, User] = models.ForeignKey(User, on_delete=models.CASCADE)
    text: models.CharField[str, str] = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.text
