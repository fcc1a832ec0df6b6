"""venv.py DIRECTORY REQUIREMENTS STAMP: makes the environment of the Python tests, unless it is there.

Never fails: without a package index only the Python tests fail, saying what pip said (see run_pytest.py).
"""

import hashlib
import subprocess
import sys
from pathlib import Path

directory, requirements, stamp = map(Path, sys.argv[1:4])
wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
made = directory / "made"
said = directory / "pip.log"

if not made.exists() or made.read_text() != wanted:
    directory.mkdir(parents=True, exist_ok=True)
    with said.open("w") as log:
        steps = [
            [sys.executable, "-m", "venv", str(directory)],
            [directory / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", requirements],
        ]
        if all(subprocess.run(step, stdout=log, stderr=log).returncode == 0 for step in steps):
            made.write_text(wanted)
stamp.write_text(wanted)
