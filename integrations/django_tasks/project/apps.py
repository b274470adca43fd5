"""The project's one application."""

from __future__ import annotations

from django.apps import AppConfig


class Shop(AppConfig):
    """Installs clew in the tasks."""

    name = "integrations.django_tasks.project"
    label = "shop"

    def ready(self) -> None:
        import clew.django_tasks

        clew.django_tasks.install(exclude=[f"{self.name}.tasks.quiet"])
