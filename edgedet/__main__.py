"""``python -m edgedet`` is the same as ``edgedet``."""

import sys

from edgedet.cli import main

sys.exit(main())
