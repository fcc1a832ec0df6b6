"""Completion as bash does it: the script is loaded and asked."""

import os
import shutil
import subprocess

import cachectl

ASK = r"""
eval "$(cachectl completion bash)"
COMP_LINE="$1" COMP_POINT=${#1}
COMP_WORDS=() COMP_CWORD=0
compopt() { printf 'compopt %s\n' "$*"; }
_cachectl
printf '%s\n' "${COMPREPLY[@]}"
"""


class Completion(cachectl.Case):
    def setUp(self) -> None:
        super().setUp()
        os.symlink(cachectl.program, self.directory / "cachectl")
        self.plugins = self.directory / "plugins"
        self.plugins.mkdir()
        shutil.copy(cachectl.probe, self.plugins)

    def ask(self, line: str) -> list[str]:
        env = cachectl.environment(PATH=f"{self.directory}:{os.environ['PATH']}")
        config = f'{{"load": ["kv", "{self.plugins}/{os.path.basename(cachectl.probe)}"]}}'
        (self.directory / "config.json").write_text(config)
        done = subprocess.run(
            ["bash", "--norc", "-c", ASK, "bash", line],
            cwd=self.directory,
            env=env,
            capture_output=True,
            text=True,
            timeout=cachectl.PATIENCE,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split("\n")[:-1]

    def test_commands_and_options(self) -> None:
        self.assertEqual(self.ask("cachectl pl"), ["plugins"])
        self.assertEqual(self.ask("cachectl --js"), ["--json"])
        self.assertEqual(self.ask("cachectl set k v --tt"), ["--ttl-ms"])
        self.assertIn("completion", self.ask("cachectl "))

    def test_methods_and_their_parameters(self) -> None:
        self.assertIn("kv.get", self.ask("cachectl kv.g"))
        self.assertIn("kv.get", self.ask("cachectl --url unix:///nowhere call kv.g"))
        self.assertIn("kv.get", self.ask("cachectl help kv.g"))
        self.assertEqual(self.ask("cachectl kv.set k"), ["compopt -o nospace", "key="])
        self.assertNotIn("key=", self.ask("cachectl kv.set key=user:1 "))
        self.assertIn("value=", self.ask("cachectl kv.set key=user:1 "))

    def test_files(self) -> None:
        (self.directory / "config.json").write_text("{}")
        self.assertEqual(self.ask("cachectl --config conf"), ["config.json"])


if __name__ == "__main__":
    cachectl.main()
