"""Shared by all tests: where the twins are, and where real data may be."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `import reference`
