"""What tests that start processes share: an environment in which this source tree is found."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def child_environment(**others: str) -> dict[str, str]:
    """Our environment, with this tree first on the path and nothing of the operator's."""
    environ = {name: value for name, value in os.environ.items() if name != "XMPPD_CONFIG"}
    environ.pop("NOTIFY_SOCKET", None)
    path = os.pathsep.join(filter(None, (str(ROOT), environ.get("PYTHONPATH"))))
    return {**environ, "PYTHONPATH": path, **others}
