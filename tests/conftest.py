"""Settings for all tests: no deadlines on a shared machine; in CI hypothesis draws the same
examples every time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

settings.register_profile(
    "auxdrive",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("auxdrive")

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and share `foreign_packages`
