"""A real Apache Kafka: one process in KRaft mode from Apache Kafka's own jars, on a folder that goes afterwards.

Where there is no java or no Maven it runs in a container.
`python -m tests.kafka.broker` (`make kafka`) runs one until Ctrl-C.
"""

import fcntl
import hashlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.kafka.container import Container, NoContainer

HERE = Path(__file__).parent
JARS = HERE / "jars"
_PATIENCE = 120.0
_STARTED = "Kafka Server started"
_OLDEST_JAVA = 17
# the broker ends with its parent: when the pipe on file 3 ends, however it does, so does java
_KEEPER = """
exec 3<&0
java "$@" </dev/null 3<&- & java=$!
(cat <&3 >/dev/null; kill -9 $java 2>/dev/null) &
wait $java
"""
_JAVA = (
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # no files besides its folder
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
_PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""
_QUICK = """
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=1000
num.network.threads=2
num.io.threads=4
background.threads=2
"""


class NoKafka(Exception):
    """Why there is no Kafka for the tests."""


class Broker:
    """A broker of one folder and one port, which it keeps through any number of kills and starts."""

    def __init__(self, folder: Path, *, java: tuple[str, ...] = _JAVA) -> None:
        self._folder = folder
        self._java = (*java, f"-Djava.io.tmpdir={folder}", "-cp", f"{JARS}/*")
        port, controller = _free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = folder / "server.properties"
        self._settings.write_text(
            _PROPERTIES.format(port=port, controller=controller, folder=folder) + _QUICK, encoding="utf-8"
        )
        cluster = ("-t", "YmFja3N0b3J5LXRlc3RzLQ", "--standalone")
        formatting = ("kafka.tools.StorageTool", "format", *cluster, "-c", str(self._settings))
        subprocess.run(["java", *self._java, *formatting], check=True, capture_output=True)

    def start(self) -> None:
        """Start it and wait until it serves. Raises NoKafka with the end of its output where it does not."""
        printed = self._folder / "broker.log"
        with printed.open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _KEEPER, "sh", *self._java, "kafka.Kafka", str(self._settings)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the parent
            )
        deadline = time.monotonic() + _PATIENCE
        while _STARTED not in printed.read_text(encoding="utf-8", errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise NoKafka(f"the broker did not start:\n{printed.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it with signal 9, where it runs."""
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()  # its keeper does it
            self._process.wait()
            self._process = None


@contextmanager
def lent() -> Iterator[Broker | Container]:
    """Lend a running broker, of Apache Kafka's own jars or in a container. Raises NoKafka where there can be none."""
    try:
        fetch()
    except NoKafka as missing:
        with _contained(missing) as container:
            yield container
        return
    folder = Path(tempfile.mkdtemp(prefix="backstory-kafka-"))
    try:
        broker = Broker(folder)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _contained(missing: NoKafka) -> Iterator[Container]:
    (port,) = _free_ports(1)
    try:
        container = Container(port, _settings(_QUICK))
    except NoContainer as cause:
        raise NoKafka(f"{missing}; {cause}") from None
    try:
        container.start()
    except NoContainer as cause:
        container.remove()
        raise NoKafka(f"{missing}; {cause}") from None
    try:
        yield container
    finally:
        container.remove()


def _settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split())


def fetch() -> None:
    """Have Maven copy the jars that pom.xml names, unless it has. Raises NoKafka, saying what is missing."""
    if _java_version() < _OLDEST_JAVA:
        raise NoKafka(f"java {_OLDEST_JAVA} or newer is not there")
    pom = HERE / "pom.xml"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    stamp = JARS / "complete"
    with (HERE / ".jars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        if shutil.which("mvn") is None:
            raise NoKafka("mvn is not there")
        shutil.rmtree(JARS, ignore_errors=True)
        copying = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        done = subprocess.run(copying, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoKafka(f"mvn could not fetch Apache Kafka: {done.stdout[-500:]}")
        stamp.write_text(wanted)


def _java_version() -> int:
    if shutil.which("java") is None:
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    quoted = told.partition('"')[2].partition(".")[0]
    return int(quoted) if quoted.isdigit() else 0


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, below those that outgoing connections are given: they stay free."""
    probes: list[socket.socket] = []
    while len(probes) < count:
        with suppress(OSError):
            probes.append(socket.create_server(("127.0.0.1", random.randrange(20_000, 32_000))))  # noqa: S311
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def main() -> None:
    """Run a broker for people until Ctrl-C."""
    try:
        with lent() as broker:
            sys.stdout.write(f"Apache Kafka at {broker.bootstrap}; Ctrl-C stops it and forgets its data\n")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    except NoKafka as missing:
        raise SystemExit(str(missing)) from None


if __name__ == "__main__":
    main()
