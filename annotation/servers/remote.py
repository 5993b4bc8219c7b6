"""Talking to one Label Studio server: the name is looked up once, the connection goes to exactly that address.

No redirect is followed and no proxy used. The token is in one header and nowhere else: no fault, log line or
exception of this module holds it.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings

from annotation.servers.rules import CHUNK_MARK, moment_of, written_moment

CONNECT_SECONDS, READ_SECONDS = 5, 60
ANSWER_LIMIT = 256 * 1024 * 1024
PAGE = 100
HINTS = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")


class RemoteFault(Exception):
    """The server did not do what was asked; `code` says how: unreachable, address_not_allowed, token_refused, …"""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.status = code, status


def is_public(address: str) -> bool:
    """Whether the address is one of the open internet, also when it wears IPv6 around an IPv4 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None and not is_public(str(inner)):
            return False
    return found.is_global and not found.is_multicast


def looked_up(base: str) -> tuple[str, str, int, str]:
    """Scheme, host name, port and the one address to connect to. Raises RemoteFault when it is not allowed."""
    parts = urlsplit(base)
    is_open = bool(settings.LABELSTUDIO_PRIVATE_ADDRESSES)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise RemoteFault("address_not_allowed") from error
    if parts.scheme not in (("https", "http") if is_open else ("https",)):
        raise RemoteFault("address_not_allowed")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise RemoteFault("address_not_allowed")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RemoteFault("unreachable") from error
    addresses = [str(each[4][0]) for each in found]
    if not is_open and not all(is_public(address) for address in addresses):
        raise RemoteFault("address_not_allowed")
    return parts.scheme, parts.hostname, port, addresses[0]


@dataclass(slots=True)
class Remote:
    """One server with the token of its account there."""

    base: str
    token: str = field(repr=False)
    _pool: Any = field(default=None, repr=False)
    _headers: dict[str, str] = field(default_factory=dict, repr=False)
    _path: str = ""

    def _connect(self) -> None:
        scheme, host, port, address = looked_up(self.base)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        if scheme == "https":
            self._pool = urllib3.HTTPSConnectionPool(
                address, port, timeout=timeout, retries=False, server_hostname=host, assert_hostname=host
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout, retries=False)
        shown = f"[{host}]" if ":" in host else host
        self._headers = {"Host": f"{shown}:{port}", "Accept": "application/json"}
        self._path = urlsplit(self.base).path.rstrip("/")
        self._headers["Authorization"] = self._authorization()

    def _authorization(self) -> str:
        """A legacy token as it is; a personal one (a refresh token of three parts) is exchanged first."""
        if self.token.count(".") != 2:
            return f"Token {self.token}"
        answer = self._send("POST", "/api/token/refresh", {"refresh": self.token})
        if not isinstance(answer, dict) or not isinstance(answer.get("access"), str):
            raise RemoteFault("token_refused")
        return f"Bearer {answer['access']}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the decoded answer. Raises RemoteFault."""
        if self._pool is None:
            self._connect()
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Any) -> Any:
        headers = dict(self._headers)
        payload = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            payload = json.dumps(body, ensure_ascii=False).encode()
        try:
            answer = self._pool.request(
                method,
                self._path + path,
                body=payload,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            try:
                said = answer.read(ANSWER_LIMIT + 1, decode_content=True)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise RemoteFault("unreachable") from error
        if len(said) > ANSWER_LIMIT:
            raise RemoteFault("answer_too_large")
        return _told(answer.status, said)

    # --- what is asked --------------------------------------------------------------------------

    def version(self) -> str:
        """The server's release; also shows that it is one and takes the token."""
        self.ask("GET", "/api/projects?page_size=1")
        told = self.ask("GET", "/api/version")
        release = told.get("release") if isinstance(told, dict) else None
        if not isinstance(release, str):
            raise RemoteFault("not_label_studio")
        return release[:40]

    def project(self, number: int) -> dict[str, Any]:
        """One project; RemoteFault `not_found` when there is none."""
        found = self.ask("GET", f"/api/projects/{number}")
        if not isinstance(found, dict):
            raise RemoteFault("not_label_studio")
        return found

    def new_project(self, title: str, config: str, description: str) -> int:
        """Make a project; its number."""
        body = {"title": title, "label_config": config, "description": description, "show_skip_button": True}
        return int(self.ask("POST", "/api/projects", body)["id"])

    def projects(self) -> list[dict[str, Any]]:
        """Every project that the account sees."""
        told = self.ask("GET", "/api/projects?page_size=1000&include=id,title,description")
        return list(told.get("results", []) if isinstance(told, dict) else told)

    def people(self) -> dict[int, str]:
        """The e-mail address of every account, by its number there."""
        told = self.ask("GET", "/api/users")
        rows = told if isinstance(told, list) else []
        return {int(each["id"]): str(each.get("email") or "").lower() for each in rows}

    def send_tasks(self, project: int, tasks: Sequence[dict[str, Any]]) -> None:
        """Import; all arrive or none does."""
        self.ask("POST", f"/api/projects/{project}/import", list(tasks))

    def of_chunk(self, project: int, chunk_id: str) -> list[dict[str, Any]]:
        """The tasks of one import that stand there."""
        wanted = _filter(f"data.{CHUNK_MARK}", "equal", "String", chunk_id)
        return [task for page in self._pages(project, [wanted], "tasks:id", "task_only") for task in page]

    def changed_since(self, project: int, at: datetime | None) -> Iterator[list[dict[str, Any]]]:
        """Pages of tasks with their annotations, the longest unchanged first; what moves while reading comes again.

        The next page begins at the latest change seen, not at a page number: a task that changes meanwhile moves to
        the end and would push another one over the edge of a numbered page.
        """
        since = at or datetime(1970, 1, 1, tzinfo=UTC)
        number = 1
        while True:
            wanted = _filter("updated_at", "greater_or_equal", "Datetime", written_moment(since))
            page = self._page(project, [wanted], "tasks:updated_at", "all", number)
            yield page
            if len(page) < PAGE:
                return
            latest = moment_of(page[-1]["updated_at"])
            if latest > since:
                since, number = latest, 1
            else:  # a whole page of one moment
                number += 1

    def everything(self, project: int, above: int = 0) -> Iterator[list[dict[str, Any]]]:
        """Pages of all tasks with their annotations, by number, those above the given one."""
        while True:
            wanted = _filter("id", "greater", "Number", above)
            page = self._page(project, [wanted], "tasks:id", "all", 1)
            yield page
            if len(page) < PAGE:
                return
            above = int(page[-1]["id"])

    def write_annotation(self, task: int, result: Any, unique_id: str, author: int | None) -> None:
        """Write a result once: the same unique id again changes nothing."""
        body = {"result": result, "unique_id": unique_id, **({"completed_by": author} if author else {})}
        try:
            self.ask("POST", f"/api/tasks/{task}/annotations/", body)
        except RemoteFault as fault:
            if fault.status != 409:
                raise

    def write_data(self, task: int, fields: dict[str, Any]) -> None:
        """Change what a task carries."""
        self.ask("PATCH", f"/api/tasks/{task}/", {"data": fields})

    def remove_task(self, task: int) -> None:
        """Take a task away; one that is gone already is no fault."""
        try:
            self.ask("DELETE", f"/api/tasks/{task}/")
        except RemoteFault as fault:
            if fault.status != 404:
                raise

    def want_hints(self, project: int, url: str, secret: str) -> None:
        """Have the server call this address when something changes; former calls of ours are taken away."""
        told = self.ask("GET", f"/api/webhooks/?project={project}")
        for hook in told if isinstance(told, list) else []:
            if str(hook.get("url")) == url:
                self.ask("DELETE", f"/api/webhooks/{int(hook['id'])}/")
        body = {
            "project": project, "url": url, "send_payload": False, "send_for_all_actions": False,
            "actions": list(HINTS), "headers": {"X-Qingshu-Hint": secret},
        }  # fmt: skip
        self.ask("POST", "/api/webhooks/", body)

    # --- pages ----------------------------------------------------------------------------------

    def _page(
        self, project: int, wanted: list[dict[str, Any]], order: str, fields: str, number: int
    ) -> list[dict[str, Any]]:
        query = {"filters": {"conjunction": "and", "items": wanted}, "ordering": [order]}
        asked = {
            "project": project, "page": number, "page_size": PAGE, "fields": fields, "resolve_uri": "false",
            "query": json.dumps(query),
        }  # fmt: skip
        try:
            told = self.ask("GET", f"/api/tasks?{urlencode(asked)}")
        except RemoteFault as fault:
            if fault.status == 404 and number > 1:  # past the end
                return []
            raise
        if not isinstance(told, dict) or not isinstance(told.get("tasks"), list):
            raise RemoteFault("not_label_studio")
        return list(told["tasks"])

    def _pages(
        self, project: int, wanted: list[dict[str, Any]], order: str, fields: str
    ) -> Iterator[list[dict[str, Any]]]:
        number = 1
        while True:
            page = self._page(project, wanted, order, fields, number)
            yield page
            if len(page) < PAGE:
                return
            number += 1


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _told(status: int, said: bytes) -> Any:
    if status in (401, 403):
        raise RemoteFault("token_refused", status)
    if status == 404:
        raise RemoteFault("not_found", status)
    if status == 409:
        raise RemoteFault("conflict", status)
    if status >= 500 or status == 429:
        raise RemoteFault("unreachable", status)
    if status >= 300:
        raise RemoteFault("refused", status)
    if not said:
        return None
    try:
        return json.loads(said)
    except ValueError as error:
        raise RemoteFault("not_label_studio", status) from error
