"""Against a real Label Studio server, which is killed in the middle, as is the receiver of its hints.

`make test-labelstudio` installs the server (1 GB) and runs this; elsewhere it is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import urllib3
from django.conf import settings as current
from django.db import connection
from django.utils import timezone

from annotation.servers import services
from annotation.servers.models import Issue, Link, RemoteAnnotation, Server
from annotation.servers.remote import Remote, RemoteFault
from annotation.servers.rules import TASK_MARK
from annotation.servers.selectors import counters_for
from annotation.servers.services.reading import SYNC
from annotation.servers.services.sending import TAKEN_FOR
from annotation.work.models import Submission
from embedded.children import Identity
from embedded.objectstore import LOOPBACK, free_ports
from tests.annotation import scenes
from tests.cast import NOON, QINGLAN, mei, organization
from tests.conftest import NO_LABEL_STUDIO
from tests.workers import ROOT, wait_for

pytestmark = [
    pytest.mark.labelstudio,
    pytest.mark.slow,
    pytest.mark.skipif("QINGSHU_TEST_LABELSTUDIO" not in os.environ, reason=NO_LABEL_STUDIO),
]
HOW_MANY = 300
NAME = "killed"


class Instance:
    """A real server, started and stopped by our own command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "QINGSHU_DATA": str(folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        }

    def command(self, *arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "config.cli", "labelstudio", *arguments, "--json"],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        self.said = done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        self.command("up", "--name", NAME, "--hints")

    def down(self) -> None:
        self.command("down")

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "labelstudio" / NAME / "state.json").read_text())  # type: ignore[no-any-return]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.state['port']}"

    @property
    def token(self) -> str:
        return (self.folder / "labelstudio" / NAME / "token").read_text()

    def remote(self) -> Remote:
        return Remote(self.address, self.token)

    def kill(self) -> None:
        """kill -9, with everything it started."""
        identity = Identity(**self.state["process"])
        for member in identity.session():
            member.send(signal.SIGKILL)
        wait_for(lambda: not identity.alive(), what="the killed server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The server, running; stopped afterwards whatever happens."""
    found = Instance(tmp_path_factory.mktemp("labelstudio"))
    found.up()
    yield found
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "labelstudio", "down"],
        cwd=ROOT, env=found.environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3)


class Receiver:
    """Our web server in a process of its own, on the test's database; it takes the hints."""

    def __init__(self, port: int) -> None:
        self.address = f"http://{LOOPBACK}:{port}"
        name, host = connection.settings_dict["NAME"], current.DATABASES["default"]["OPTIONS"]["host"]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-b", f"{LOOPBACK}:{port}", "config.wsgi"],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": f"postgresql://qingshu@/{name}?host={host}",
                "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
                "SECRET_KEY": current.SECRET_KEY,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        pool = urllib3.PoolManager(retries=False, timeout=5)

        def answers() -> bool:
            try:
                return pool.request("GET", f"{self.address}/healthz").status == 200
            except (urllib3.exceptions.HTTPError, OSError):
                return False

        wait_for(answers, seconds=120, what="the receiver")

    def kill(self) -> None:
        for member in getattr(Identity.of(self.child.pid), "session", list)():
            member.send(signal.SIGKILL)
        self.child.wait()


def there(instance: Instance, link: Link) -> list[dict[str, Any]]:
    """Every task of the link's project that the server has."""
    return [task for page in instance.remote().everything(link.remote_project_id) for task in page]


def answer_to(number: int) -> list[dict[str, Any]]:
    """What the team says of a task there."""
    return scenes.sentiment("正面" if number % 2 else "负面")


class Team:
    """Somebody who labels on the server and, when it dies, does it again: each result has its own unique id."""

    def __init__(self, instance: Instance, numbers: list[int]) -> None:
        self.instance, self.numbers = instance, numbers
        self.ids = {number: str(uuid4()) for number in numbers}
        self.done = 0
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        for number in self.numbers:
            while True:
                try:
                    self.instance.remote().write_annotation(number, answer_to(number), self.ids[number], 2)
                    break
                except RemoteFault:
                    time.sleep(0.3)
            self.done += 1


def connected(server: Instance) -> Link:
    """A project of 300 tasks that has its place on the server; 梅 has an account there."""
    lead, user = scenes.qin(), mei().user
    assert user is not None
    account = {"email": user.email, "username": "mei", "password": "pw-12345678"}
    server.remote().ask("POST", "/api/users/", account)
    known = services.add_server(by=lead, at=NOON, name="真实", address=server.address, token=server.token)
    assert services.check_server(by=lead, at=NOON, server_id=known.pk).version == "1.23.2"
    project = scenes.opened(bodies=[f"第 {n} 条评论，很好。" for n in range(HOW_MANY)])
    return services.connect_project(
        by=lead, at=NOON, server_id=known.pk, project_id=project.pk, holder_id=user.pk
    )


def sent_while_the_server_dies(server: Instance, link: Link) -> None:
    """Tasks go there; the server dies in the middle of an import and comes back."""
    count = services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=HOW_MANY)
    assert count == HOW_MANY
    services.send_due(by=SYNC, at=NOON, link_id=link.pk, most=1)
    sender = threading.Thread(target=_send_quietly, args=(link,))
    sender.start()
    time.sleep(0.15)
    server.kill()
    sender.join()
    server.up()
    services.send_due(by=SYNC, at=NOON + TAKEN_FOR + timedelta(seconds=1), link_id=link.pk)


def labelled_while_both_die(server: Instance, receiver: Receiver, link: Link) -> None:
    """People work; the receiver dies, then the server, and comes back; then the link is read."""
    numbers = link.issues.order_by("pk").values_list("remote_task_id", flat=True)
    team = Team(server, [number for number in numbers if number is not None])
    team.thread.start()
    wait_for(lambda: team.done >= 60, seconds=400, what="60 results")
    wait_for(lambda: Link.objects.get().hinted_at is not None, seconds=60, what="a hint")
    receiver.kill()
    services.pull(by=SYNC, at=timezone.now(), link_id=link.pk)
    wait_for(lambda: team.done >= 150, seconds=400, what="150 results")
    server.kill()
    with pytest.raises(RemoteFault):
        services.pull(by=SYNC, at=timezone.now(), link_id=link.pk)
    assert Server.objects.get().state == "failing"
    server.up()
    team.thread.join(timeout=600)
    assert team.done == HOW_MANY
    services.pull(by=SYNC, at=timezone.now(), link_id=link.pk)
    while not services.sweep(by=SYNC, at=timezone.now() + timedelta(hours=1), link_id=link.pk):
        pass


@pytest.mark.django_db(transaction=True)
def test_with_server_and_receiver_killed_in_the_middle_all_300_are_there_and_none_twice(
    server: Instance, settings: Any
) -> None:
    (port,) = free_ports(1)
    settings.LABELSTUDIO_PRIVATE_ADDRESSES, settings.SITE_URL = True, f"http://{LOOPBACK}:{port}"
    link = connected(server)
    sent_while_the_server_dies(server, link)
    marks = [task["data"][TASK_MARK] for task in there(server, link)]
    assert (len(marks), len(set(marks))) == (HOW_MANY, HOW_MANY)
    assert link.issues.filter(state="open").count() == HOW_MANY

    receiver = Receiver(port)
    try:
        labelled_while_both_die(server, receiver, link)
    finally:
        receiver.kill()
    tasks = there(server, link)
    assert [len(task["annotations"]) for task in tasks] == [1] * HOW_MANY
    assert Submission.objects.count() == HOW_MANY
    assert Submission.objects.values("task").distinct().count() == HOW_MANY
    assert RemoteAnnotation.objects.filter(outcome="submitted").count() == HOW_MANY
    found = counters_for(link)
    sums = (found.issued, found.submitted, found.open, found.expired, found.gap, found.aside)
    assert sums == (HOW_MANY, HOW_MANY, 0, 0, 0, 0)
    for issue in Issue.objects.select_related("submission"):
        assert issue.submission is not None
        assert issue.submission.result == answer_to(issue.remote_task_id or 0)

    # What is deleted there stays here.
    server.remote().remove_task(tasks[0]["id"])
    services.sweep(by=SYNC, at=timezone.now() + timedelta(hours=2), link_id=link.pk)
    assert (Submission.objects.count(), counters_for(link).gone) == (HOW_MANY, 1)


def _send_quietly(link: Link) -> None:
    try:
        services.send_due(by=SYNC, at=NOON, link_id=link.pk)
    except RemoteFault:
        pass
    finally:
        connection.close()


def test_nobody_signs_up_and_nothing_of_it_leaves_the_loopback(server: Instance) -> None:
    pool = urllib3.PoolManager(retries=False, timeout=30)
    page = pool.request("GET", f"{server.address}/user/login/")
    cookies = "; ".join(each.partition(";")[0] for each in page.headers.getlist("set-cookie"))
    token = page.data.decode().split('csrfmiddlewaretoken" value="')[1].partition('"')[0]
    refused = pool.request(
        "POST",
        f"{server.address}/user/signup/",
        fields={"csrfmiddlewaretoken": token, "email": "x@example.cn", "password": "pw-12345678"},
        encode_multipart=False,
        headers={"Cookie": cookies, "Referer": server.address},
        redirect=False,
    )
    assert refused.status == 403
    process = psutil.Process(server.state["process"]["pid"])
    ends = [line.raddr.ip for line in process.net_connections("inet") if line.raddr]
    listening = [line.laddr.ip for line in process.net_connections("inet") if line.status == "LISTEN"]
    assert set(ends) <= {LOOPBACK}
    assert listening == [LOOPBACK]
    assert server.token not in server.said
    assert server.token not in (server.folder / "labelstudio" / NAME / "server.log").read_text()
    assert server.token not in " ".join(process.cmdline())


@pytest.mark.django_db
def test_the_command_makes_a_server_known_to_a_firm_without_showing_its_token(
    server: Instance, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command

    settings.LABELSTUDIO_PRIVATE_ADDRESSES = True
    firm = organization(QINGLAN)
    place = str(server.folder / "labelstudio" / NAME / "token")
    told = ["--firm", firm.uscc, "--address", server.address, "--token-file", place]
    for _again in range(2):
        call_command("labelstudio_register", *told)
    found = Server.objects.get()
    assert (found.firm, found.state, found.version) == (firm, "ready", "1.23.2")
    assert server.token not in capsys.readouterr().out


def test_it_stops_and_starts_by_our_command_and_says_where_it_is(server: Instance) -> None:
    (found,) = json.loads(server.command("status"))
    assert (found["name"], found["state"], found["address"]) == (NAME, "ready", server.address)
    server.command("up", "--name", NAME, code=4)
    server.down()
    assert json.loads(server.command("status", code=3))[0]["state"] == "stopped"
    server.command("down", code=3)
