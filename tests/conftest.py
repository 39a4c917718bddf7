from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# A shell lets what it starts in the background ignore Ctrl-C, and the programs that the tests interrupt would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
