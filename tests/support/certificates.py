"""A certificate authority made by openssl for one test: broker, client, and a stranger's authority."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.need import need


class Authority:
    """``ca`` is its certificate; ``issue`` makes (certificate, key) files signed by it."""

    def __init__(self, folder: Path, name: str = "test-authority") -> None:
        self._openssl = need("openssl")
        self._folder = folder
        self.ca = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-days", "2", "-keyout", self._key, "-out", self.ca,
        )  # fmt: skip

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for ``name``, valid for the address 127.0.0.1 too."""
        key, request, certificate = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extension = self._folder / f"{name}.ext"
        extension.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        self._run(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
            "-days", "2", "-extfile", extension, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def _run(self, *arguments: object) -> None:
        subprocess.run([self._openssl, *map(str, arguments)], check=True, capture_output=True)
