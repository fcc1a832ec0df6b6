"""run_pytest.py ENVIRONMENT ARGUMENT...: runs pytest in the tests' environment."""

import os
import sys
from pathlib import Path

environment = Path(sys.argv[1])
if not (environment / "made").exists():
    print("the environment of the Python tests could not be made; pip said:")
    print((environment / "pip.log").read_text() if (environment / "pip.log").exists() else "nothing: is python3-venv installed?")
    sys.exit(1)
python = str(environment / "bin" / "python")

os.execv(python, [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[2:]])
