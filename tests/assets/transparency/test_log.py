"""The log has no gaps, cannot be changed, and proves itself to whoever kept an older head."""

from __future__ import annotations

import base64
import json
import random
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from assets.transparency import rules, selectors, services
from assets.transparency.models import LogEntry, LogPlace, TreeHead, TreeNode
from signing import services as signing
from tests.cast import NOON

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def told(count: int, start: int = 0) -> list[LogEntry]:
    return [
        services.append(
            at=NOON, kind="certificate.issued", subject=f"ZS-2026-{n:07d}-X", body={"root_hash": f"{n:064x}"}
        )
        for n in range(start, start + count)
    ]


def sealed(*counts: int) -> list[TreeHead]:
    """A head after each batch."""
    found, start = [], 0
    for number, count in enumerate(counts):
        told(count, start)
        head = services.seal(at=NOON + timedelta(seconds=5 * number))
        assert head is not None
        found.append(head)
        start += count
    return found


def raw(sql: str, *, without_triggers: bool = False) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if without_triggers:
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)


def test_what_is_written_gets_its_place_and_the_head_is_signed() -> None:
    head = sealed(3)[0]
    assert list(LogPlace.objects.order_by("index").values_list("index", flat=True)) == [0, 1, 2]
    leaves = [entry.leaf.encode() for entry in LogEntry.objects.order_by("place__index")]
    first = rules.node_hash(rules.leaf_hash(leaves[0]), rules.leaf_hash(leaves[1]))
    assert head.root_hash == rules.node_hash(first, rules.leaf_hash(leaves[2])).hex()
    signed = signing.verify(head.token)
    assert (signed["tree_size"], signed["root_hash"]) == (3, head.root_hash)
    assert signed["timestamp"] == int(NOON.timestamp() * 1000)
    assert services.check() == services.Check(3, 1)


def test_an_entry_of_an_undone_deed_never_stood_in_the_log() -> None:
    with transaction.atomic():
        services.append(at=NOON, kind="certificate.issued", subject="ZS", body={})
        transaction.set_rollback(True)
    assert LogEntry.objects.count() == 0


def test_the_text_of_a_leaf_is_canonical_and_says_when_and_what() -> None:
    leaf = told(1)[0].leaf
    assert leaf == (
        '{"at":"2026-03-02T04:00:00+00:00","format":"qingshu-log/1","kind":"certificate.issued",'
        f'"root_hash":"{"0" * 64}","subject":"ZS-2026-0000000-X"}}'
    )


def test_with_nothing_new_no_head_is_signed_until_a_day_has_passed() -> None:
    sealed(1)
    assert services.seal(at=NOON + timedelta(hours=23)) is None
    head = services.seal(at=NOON + timedelta(hours=24))
    assert head is not None
    assert head.size == 1
    assert TreeHead.objects.values("root_hash").distinct().count() == 1


def test_an_empty_log_has_a_head_too() -> None:
    head = services.seal(at=NOON)
    assert head is not None
    assert (head.size, head.root_hash) == (0, rules.EMPTY_ROOT.hex())


def test_two_sealers_at_once_leave_no_gap() -> None:
    told(40)
    barrier, faults = threading.Barrier(3), []

    def work(number: int) -> None:
        try:
            for step in range(6):
                if step == 0:
                    barrier.wait(timeout=20)
                services.seal(at=NOON + timedelta(seconds=10 * number + step), limit=7)
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    while services.seal(at=NOON + timedelta(minutes=9)):
        pass
    assert list(LogPlace.objects.order_by("index").values_list("index", flat=True)) == list(range(40))
    assert services.check().is_sound


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transparency_logentry SET leaf = 'x'",
        "DELETE FROM transparency_logentry",
        "UPDATE transparency_logplace SET index = index + 10",
        "DELETE FROM transparency_logplace",
        "UPDATE transparency_treenode SET hash = 'x'",
        "DELETE FROM transparency_treenode",
        "UPDATE transparency_treehead SET size = 1",
        "DELETE FROM transparency_treehead",
    ],
)
def test_the_database_refuses_to_change_or_delete(sql: str) -> None:
    sealed(2)
    with pytest.raises(DatabaseError, match="Cannot update or delete"):
        raw(sql)
    assert services.check().is_sound


@pytest.mark.parametrize("index", [1, 3, 99])
def test_the_database_refuses_a_place_that_does_not_follow(index: int) -> None:
    sealed(2)
    entry = told(1, 2)[0]
    with pytest.raises(DatabaseError, match=r"no gaps|duplicate key"):
        LogPlace.objects.create(index=index, entry=entry, leaf_hash="0" * 64)


def test_between_any_two_heads_there_is_a_proof_and_every_entry_has_one() -> None:
    heads = sealed(1, 2, 1, 4, 9, 3)
    for old in heads:
        for new in heads:
            if old.size <= new.size:
                path = selectors.consistency(old.size, new.size)
                roots = bytes.fromhex(old.root_hash), bytes.fromhex(new.root_hash)
                assert rules.is_consistent(old.size, new.size, *roots, path)
    dice = random.Random(7)
    for head in heads:
        index = dice.randrange(head.size)
        found = selectors.inclusion(index, head.size)
        leaf = rules.leaf_hash(found.place.entry.leaf.encode())
        assert rules.is_included(leaf, index, head.size, found.path, bytes.fromhex(head.root_hash))


def test_a_proof_costs_the_same_few_queries_in_a_large_log(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    sealed(300)
    with django_assert_num_queries(3):
        selectors.inclusion(123)
    with django_assert_num_queries(2):
        selectors.consistency(37)


def rewrite(index: int) -> None:
    """What a registry with all its keys could do: a new past, with all hashes and heads made to fit."""
    kept = list(LogEntry.objects.order_by("place__index"))
    texts = [entry.leaf for entry in kept]
    texts[index] = texts[index].replace("certificate.issued", "certificate.revoked")
    sizes = list(TreeHead.objects.order_by("size").values_list("size", flat=True))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in (LogPlace, TreeNode, TreeHead, LogEntry):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        for entry, text in zip(kept, texts, strict=True):
            entry.leaf = text
        LogEntry.objects.bulk_create(kept)
        done = 0
        for size in sizes:
            services.seal(at=NOON + timedelta(days=1, seconds=size), limit=size - done)
            done = size


def test_a_rewritten_past_fits_itself_but_not_the_head_that_somebody_kept() -> None:
    kept = sealed(5, 6)[0]
    before = (kept.size, bytes.fromhex(kept.root_hash))
    rewrite(2)
    assert services.check().is_sound, "from inside, nothing is to be seen"
    client = Client()
    head = client.get("/api/transparency/sth").json()
    answer = client.get("/api/transparency/sth-consistency", {"first": before[0]}).json()
    path = [base64.b64decode(each) for each in answer["consistency"]]
    new_root = base64.b64decode(head["sha256_root_hash"])
    assert not rules.is_consistent(before[0], head["tree_size"], before[1], new_root, path)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE transparency_logentry SET leaf = leaf || ' ' WHERE subject LIKE '%0000001-X'", "leaf 1"),
        ("DELETE FROM transparency_logplace WHERE index = 1", "leaf 1"),
        ("DELETE FROM transparency_logplace WHERE index = 2", "more than the 2 leaves"),
        ("UPDATE transparency_treehead SET root_hash = repeat('0', 64)", "does not fit"),
        ("UPDATE transparency_treehead SET token = token || 'x'", "not signed by us"),
    ],
)
def test_clumsy_changes_are_found_from_inside(sql: str, fault: str) -> None:
    sealed(3)
    raw(sql, without_triggers=True)
    assert fault in services.check().fault
    with pytest.raises(CommandError, match=fault):
        call_command("transparency_verify")


def test_an_untouched_log_passes_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    sealed(3, 1)
    call_command("transparency_verify")
    assert capsys.readouterr().out == "4 entries, 2 signed heads: nothing was changed.\n"


# --- over JSON and on pages ---------------------------------------------------------------------


def test_a_monitor_reads_everything_without_signing_in() -> None:
    sealed(2, 3)
    client = Client()
    head = client.get("/api/transparency/sth").json()
    assert head["tree_size"] == 5
    rows = client.get("/api/transparency/entries", {"start": 0, "end": 99}).json()["entries"]
    leaves = [base64.b64decode(row["leaf_input"]) for row in rows]
    assert [row["leaf_index"] for row in rows] == [0, 1, 2, 3, 4]
    assert json.loads(leaves[4])["subject"] == "ZS-2026-0000004-X"
    digest = base64.b64encode(rules.leaf_hash(leaves[4])).decode()
    proof = client.get("/api/transparency/proof-by-hash", {"hash": digest, "tree_size": 5}).json()
    path = [base64.b64decode(each) for each in proof["audit_path"]]
    root = base64.b64decode(head["sha256_root_hash"])
    assert rules.is_included(rules.leaf_hash(leaves[4]), proof["leaf_index"], 5, path, root)
    same = client.get("/api/transparency/entry-and-proof", {"leaf_index": 4}).json()
    assert same == proof
    told = client.get("/api/transparency/subjects/zs-2026-0000004-x").json()
    assert told["proofs"] == [proof]
    assert told["head"] == head


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("sth-consistency?first=0", 422),
        ("sth-consistency?first=6", 422),
        ("sth-consistency?first=1&second=9", 422),
        ("sth-consistency?first=-1", 422),
        ("sth-consistency?first=99999999999999999999999", 422),
        ("entries?start=5&end=1", 422),
        ("entries?start=-1&end=1", 422),
        ("proof-by-hash?hash=zz", 422),
        ("proof-by-hash?hash=" + "A" * 43 + "%3D", 404),
        ("entry-and-proof?leaf_index=5", 404),
        ("entry-and-proof?leaf_index=1&tree_size=6", 422),
    ],
)
def test_what_cannot_be_proved_is_refused_in_words(address: str, status: int) -> None:
    sealed(5)
    answer = Client().get(f"/api/transparency/{address}")
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_before_the_first_head_there_is_nothing_to_prove() -> None:
    assert Client().get("/api/transparency/sth").json()["type"] == "/errors/no_tree_head"
    assert Client().get("/transparency/").status_code == 200
    assert Client().get("/transparency/entries/0/").status_code == 404


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "证明成立"), ("en", "")])
def test_the_pages_show_the_head_the_entries_and_the_proof(language: str, words: str) -> None:
    head = sealed(6)[0]
    client = Client(headers={"accept-language": language})
    page = client.get("/transparency/").content.decode()
    assert head.root_hash in page
    assert "ZS-2026-0000005-X" in page
    found = client.get("/transparency/?q=zs-2026-0000002-x").content.decode()
    assert "ZS-2026-0000002-X" in found
    assert "ZS-2026-0000005-X" not in found
    entry = client.get("/transparency/entries/3/").content.decode()
    assert words in entry
    assert head.root_hash in entry
    assert "<svg" in entry
    assert client.get("/transparency/head.jwt").content.decode() == head.token
    assert client.get("/transparency/entries/6/").status_code == 404


def test_the_page_of_an_entry_says_so_when_its_text_was_changed() -> None:
    sealed(4)
    raw("UPDATE transparency_logentry SET leaf = replace(leaf, 'issued', 'revoked')", without_triggers=True)
    assert "证明不成立" in Client().get("/transparency/entries/2/").content.decode()
