"""encrypt: what it writes opens the server that asks for the password."""

import base64
import json
import os
import re

import cachectl

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()
PASSWORD = "pässwört with spaces"


class Encrypt(cachectl.Case):
    def encrypt(self, secret: bytes, *words: str, **env: str) -> cachectl.Outcome:
        return self.run_bare("encrypt", *words, stdin=secret, env={"CACHECORE_SECRET_KEY": KEY} | env)

    def wrapped(self, secret: bytes, **env: str) -> str:
        outcome = self.encrypt(secret, **env)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertRegex(outcome.text, r"^ENC\([A-Za-z0-9+/=]+\)\n$")
        return outcome.text.strip()

    def key_file(self) -> str:
        path = self.directory / "key"
        path.write_text(KEY + "\n")
        os.chmod(path, 0o600)
        return str(path)

    def protect(self) -> None:
        self.server.command("CONFIG", "SET", "requirepass", PASSWORD)
        self.server.password = PASSWORD
        self.addCleanup(self.unprotect)

    def unprotect(self) -> None:
        self.server.command("CONFIG", "SET", "requirepass", "")
        self.server.password = ""

    def ping(self, password: str, key: str = KEY) -> cachectl.Outcome:
        """With the password in a configuration file."""
        path = self.directory / "config.json"
        path.write_text(json.dumps({"url": self.server.url, "password": password}), encoding="utf-8")
        return self.run_bare("--json", "--config", str(path), "ping", env={"CACHECORE_SECRET_KEY": key})

    def test_the_encrypted_password_opens_the_server(self) -> None:
        self.protect()
        self.assertEqual(self.ping("wrong").code, 4)
        outcome = self.ping(self.wrapped(PASSWORD.encode() + b"\n"))
        self.assertEqual((outcome.code, outcome.err), (0, ""))

    def test_with_another_key_init_fails_and_nothing_secret_is_said(self) -> None:
        wrapped = self.wrapped(PASSWORD.encode())
        outcome = self.ping(wrapped, OTHER_KEY)
        self.assertEqual((outcome.code, outcome.out, outcome.error["status"]), (2, b"", "INVALID_ARGUMENT"))
        for secret in (PASSWORD, wrapped, KEY, OTHER_KEY):
            self.assertNotIn(secret, outcome.err)

    def test_only_the_last_newline_is_left_out(self) -> None:
        self.protect()
        self.assertEqual(self.ping(self.wrapped(PASSWORD.encode() + b"\r\n")).code, 0)
        self.assertEqual(self.ping(self.wrapped(PASSWORD.encode() + b"\n\n")).code, 4)

    def test_two_encryptions_of_one_secret_differ(self) -> None:
        self.assertNotEqual(self.wrapped(b"secret\n"), self.wrapped(b"secret\n"))

    def test_the_key_may_be_in_a_file(self) -> None:
        outcome = self.run_bare("encrypt", stdin=b"x\n", env={"CACHECORE_SECRET_KEY_FILE": self.key_file()})
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertTrue(outcome.text.startswith("ENC("))

    def test_json(self) -> None:
        outcome = self.encrypt(b"x", "--json")
        self.assertTrue(re.fullmatch(r"ENC\(.*\)", str(outcome.value)))

    def test_without_a_key_it_says_how_to_give_one(self) -> None:
        outcome = self.run_bare("encrypt", stdin=b"x")
        self.assertEqual((outcome.code, outcome.out), (2, b""))
        self.assertIn("CACHECORE_SECRET_KEY", outcome.err)

    def test_a_wrong_key_is_named_and_not_repeated(self) -> None:
        outcome = self.encrypt(b"x", CACHECORE_SECRET_KEY="tooshort")
        self.assertEqual((outcome.code, outcome.out), (2, b""))
        self.assertNotIn("tooshort", outcome.err)

    def test_an_empty_secret_is_refused(self) -> None:
        for secret in (b"", b"\n", b"\r\n"):
            outcome = self.encrypt(secret)
            self.assertEqual((outcome.code, outcome.out), (2, b""))
            self.assertIn("no secret", outcome.err)

    def test_a_secret_on_the_command_line_is_refused_and_not_repeated(self) -> None:
        outcome = self.encrypt(b"x", "hunter2")
        self.assertEqual((outcome.code, outcome.out), (2, b""))
        self.assertNotIn("hunter2", outcome.err)

    def test_it_works_while_the_configuration_cannot_be_decrypted(self) -> None:
        self.wrapped(b"x", CACHECORE_URL="redis://:ENC(AAAA)@127.0.0.1/0", REDIS_PASSWORD="ENC(AAAA)")


if __name__ == "__main__":
    cachectl.main()
