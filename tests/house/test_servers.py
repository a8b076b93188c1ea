"""A test whose server is missing is skipped with the line that installs it, and fails in CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PACKAGES, missing_packages
from tests.house.tree import ROOT

LISTED = "# a comment\n\nalertmanager  alertmanager amtool  # why\nprometheus  prometheus\n"


@pytest.fixture
def programs(tmp_path):
    def put(*names: str) -> str:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        return str(tmp_path)

    return put


@pytest.mark.parametrize(
    "present, missing",
    [
        pytest.param(("alertmanager", "amtool", "prometheus"), [], id="all there"),
        pytest.param(("alertmanager", "prometheus"), ["alertmanager"], id="one program of two"),
        pytest.param((), ["alertmanager", "prometheus"], id="none"),
    ],
)
def test_a_package_is_missing_when_one_of_its_programs_is(programs, present, missing):
    assert missing_packages(LISTED, path=programs(*present)) == missing


SERVERS = "import pytest\n\n@pytest.mark.servers\ndef test_it(): ...\n"
# The programs of PostgreSQL lie in the environment that runs this; a test's own is told that there are none.
POSTGRESQL = "import pytest\nfrom tests import conftest\n\nconftest.found = lambda: None\n\n"
POSTGRESQL += "@pytest.mark.postgresql\ndef test_it(): ...\n"


@pytest.mark.parametrize("ci, outcome", [("", "1 skipped"), ("true", "1 error")])
@pytest.mark.parametrize(
    "code, packages",
    [
        pytest.param(SERVERS, "prometheus-alertmanager prometheus", id="servers"),
        pytest.param(POSTGRESQL, "postgresql", id="PostgreSQL"),
    ],
)
def test_a_missing_server_skips_or_in_ci_fails(tmp_path, code, packages, ci, outcome):
    (tmp_path / "test_one.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", str(ROOT)]
    command += ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", str(tmp_path / "test_one.py")]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": "/nowhere", "CI": ci}, capture_output=True, text=True, check=False
    )
    assert outcome in done.stdout
    assert f"apt-get install --no-install-recommends {packages}" in done.stdout


@pytest.mark.parametrize("ci, code", [("", 0), ("true", 1)])
def test_without_privileges_the_one_line_to_run_is_printed(tmp_path, programs, ci, code):
    """With only these programs on PATH there is no apt-get, so it is as if nobody may install."""
    path = programs()
    for name in ("bash", "dirname", "sed", "id"):
        found = next(where for where in ("/usr/bin", "/bin") if Path(where, name).exists())
        Path(path, name).symlink_to(Path(found, name))
    script = tmp_path / "tests" / "install-debian-packages"
    script.parent.mkdir()
    script.write_bytes((ROOT / "tests" / "install-debian-packages").read_bytes())
    script.with_name("debian-packages.txt").write_text("no-such-package  no-such-program\n", encoding="utf-8")

    done = subprocess.run(
        [str(Path(path, "bash")), str(script)],
        env={"PATH": path, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert (
        "    sudo apt-get update && sudo apt-get install --no-install-recommends no-such-package\n"
        in done.stdout
    )


def test_the_list_names_packages_with_their_programs():
    lines = [line.partition("#")[0].split() for line in PACKAGES.read_text(encoding="utf-8").splitlines()]
    assert all(len(line) > 1 for line in lines if line)
