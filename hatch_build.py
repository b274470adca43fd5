"""Make the README's links and the project's addresses of one setting, for a package index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Addresses(MetadataHookInterface):
    """Gives the metadata what has the repository's address in it."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        try:
            from docs.links import absolute
        finally:
            sys.path.remove(self.root)
        address = self.config["repository"]
        metadata["urls"] = {
            "Repository": address,
            "Changelog": f"{address}/blob/main/CHANGELOG.md",
            "Issues": f"{address}/issues",
        }
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, "README.md", address),
        }
