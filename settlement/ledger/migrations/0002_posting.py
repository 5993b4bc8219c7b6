"""How entries come into being: the triggers that keep the books, and the functions that post in one round trip."""

from django.db import migrations

from kernel.onepass import OnePass

FOLD_LEGS = """
-- Each statement that writes legs writes balanced ones, in the transaction of their entry; balances follow,
-- their rows locked in id order so that opposite transfers never wait for each other in a circle.
CREATE FUNCTION ledger_fold_legs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT sums.entry_id, sums.total, entry.transaction_id = pg_current_xact_id()::text::bigint AS is_own
    INTO wrong
    FROM (
      SELECT legs.entry_id, sum(legs.amount_fen) AS total, min(legs.effective_at) AS earliest,
             max(legs.effective_at) AS latest
      FROM legs GROUP BY legs.entry_id
    ) AS sums
    JOIN ledger_entry AS entry ON entry.id = sums.entry_id
    WHERE sums.total <> 0
       OR entry.transaction_id <> pg_current_xact_id()::text::bigint
       OR sums.earliest <> entry.effective_at OR sums.latest <> entry.effective_at
    LIMIT 1;
  IF FOUND THEN
    IF NOT wrong.is_own THEN
      RAISE EXCEPTION 'entry % is closed: legs are written in its own transaction only', wrong.entry_id
        USING ERRCODE = 'QL003';
    ELSIF wrong.total <> 0 THEN
      RAISE EXCEPTION 'the legs of entry % do not balance: %', wrong.entry_id, wrong.total USING ERRCODE = 'QL002';
    END IF;
    RAISE EXCEPTION 'the legs of entry % take effect at another time than it', wrong.entry_id
      USING ERRCODE = 'QL002';
  END IF;
  WITH sums AS (
    SELECT legs.account_id, sum(legs.amount_fen)::bigint AS total FROM legs GROUP BY legs.account_id
  ), locked AS MATERIALIZED (
    SELECT account.id, sums.total
    FROM ledger_account AS account JOIN sums ON sums.account_id = account.id
    ORDER BY account.id FOR NO KEY UPDATE OF account
  )
  UPDATE ledger_account AS account SET posted_fen = account.posted_fen + locked.total
  FROM locked WHERE account.id = locked.id;
  RETURN NULL;
END $$;

CREATE TRIGGER ledger_fold_legs AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS legs FOR EACH STATEMENT EXECUTE FUNCTION ledger_fold_legs();
"""

CHECK_ENTRY = """
-- At commit: an entry has two legs or more, they sum to zero, and a reversal mirrors what it reverses.
CREATE FUNCTION ledger_check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  leg_count bigint;
  total numeric;
BEGIN
  SELECT count(*), coalesce(sum(amount_fen), 0) INTO leg_count, total
    FROM ledger_posting WHERE entry_id = NEW.id;
  IF leg_count < 2 OR total <> 0 THEN
    RAISE EXCEPTION 'entry % has % legs that sum to %', NEW.id, leg_count, total USING ERRCODE = 'QL002';
  END IF;
  IF NEW.transaction_id <> pg_current_xact_id()::text::bigint THEN
    RAISE EXCEPTION 'entry % names another transaction than its own', NEW.id USING ERRCODE = 'QL003';
  END IF;
  IF NEW.reverses_id IS NOT NULL AND (
    leg_count <> (SELECT count(*) FROM ledger_posting WHERE entry_id = NEW.reverses_id)
    OR EXISTS (
      SELECT account_id, amount_fen FROM ledger_posting WHERE entry_id = NEW.id
      EXCEPT SELECT account_id, -amount_fen FROM ledger_posting WHERE entry_id = NEW.reverses_id
    )
  ) THEN
    RAISE EXCEPTION 'entry % does not mirror entry %', NEW.id, NEW.reverses_id USING ERRCODE = 'QL002';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_check_entry AFTER INSERT ON ledger_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_entry();
"""

POST = """
-- Post one entry, once per key. Gives back the entry and whether it is new; the same key with other
-- content is an error (QL001), an account that would fall below its floor a check violation.
CREATE FUNCTION ledger_post(
  new_id uuid, new_key text, content text, new_kind text, about_type text, about_id uuid, remark text,
  effective timestamptz, reversed_id uuid, accounts uuid[], amounts bigint[]
) RETURNS TABLE (entry_id uuid, is_new boolean, recorded_at timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  known record;
BEGIN
  RETURN QUERY
  WITH fresh AS (
    INSERT INTO ledger_entry AS entry
      (id, recorded_at, key, fingerprint, kind, fact_type, fact_id, memo, effective_at, reverses_id)
    VALUES (new_id, clock_timestamp(), new_key, content, new_kind, about_type, about_id, remark, effective,
            reversed_id)
    ON CONFLICT (key) DO NOTHING
    RETURNING entry.id, entry.recorded_at
  ), written AS (
    INSERT INTO ledger_posting (entry_id, account_id, amount_fen, effective_at)
    SELECT fresh.id, leg.account, leg.amount, effective
    FROM fresh, unnest(accounts, amounts) AS leg (account, amount)
  )
  SELECT fresh.id, true, fresh.recorded_at FROM fresh;
  IF FOUND THEN
    RETURN;
  END IF;
  SELECT entry.id, entry.fingerprint, entry.recorded_at INTO STRICT known
    FROM ledger_entry AS entry WHERE entry.key = new_key;
  IF known.fingerprint <> content THEN
    RAISE EXCEPTION 'key % was used for other content', new_key USING ERRCODE = 'QL001';
  END IF;
  RETURN QUERY SELECT known.id, false, known.recorded_at;
END $$;
"""

POST_MANY = """
-- The same for any number of entries, given as a JSON array of
-- {id, key, fingerprint, kind, fact_type, fact_id, memo, effective_at, reverses_id, accounts, amounts}.
-- All are posted or none.
CREATE FUNCTION ledger_post_many(entries jsonb)
RETURNS TABLE (key text, entry_id uuid, is_new boolean, recorded_at timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  reused text;
BEGIN
  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(entries) AS entry (
      id uuid, key text, fingerprint text, kind text, fact_type text, fact_id uuid, memo text,
      effective_at timestamptz, reverses_id uuid, accounts uuid[], amounts bigint[])
  ), fresh AS (
    INSERT INTO ledger_entry AS entry
      (id, recorded_at, key, fingerprint, kind, fact_type, fact_id, memo, effective_at, reverses_id)
    SELECT id, clock_timestamp(), key, fingerprint, kind, fact_type, fact_id, memo, effective_at, reverses_id
    FROM wanted ORDER BY key
    ON CONFLICT (key) DO NOTHING
    RETURNING entry.id, entry.key, entry.recorded_at
  ), written AS (
    INSERT INTO ledger_posting (entry_id, account_id, amount_fen, effective_at)
    SELECT wanted.id, leg.account, leg.amount, wanted.effective_at
    FROM fresh JOIN wanted ON wanted.id = fresh.id,
         unnest(wanted.accounts, wanted.amounts) AS leg (account, amount)
  )
  SELECT fresh.key::text, fresh.id, true, fresh.recorded_at FROM fresh;

  SELECT wanted.key INTO reused
    FROM jsonb_to_recordset(entries) AS wanted (key text, fingerprint text)
    JOIN ledger_entry AS entry ON entry.key = wanted.key
    WHERE entry.fingerprint <> wanted.fingerprint LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'key % was used for other content', reused USING ERRCODE = 'QL001';
  END IF;

  RETURN QUERY
  SELECT entry.key::text, entry.id, false, entry.recorded_at
    FROM jsonb_to_recordset(entries) AS wanted (id uuid, key text)
    JOIN ledger_entry AS entry ON entry.key = wanted.key
    WHERE entry.id <> wanted.id;
END $$;
"""


class Migration(OnePass):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(
            FOLD_LEGS,
            "DROP TRIGGER ledger_fold_legs ON ledger_posting; DROP FUNCTION ledger_fold_legs()",
        ),
        migrations.RunSQL(
            CHECK_ENTRY,
            "DROP TRIGGER ledger_check_entry ON ledger_entry; DROP FUNCTION ledger_check_entry()",
        ),
        migrations.RunSQL(
            POST,
            "DROP FUNCTION ledger_post(uuid, text, text, text, text, uuid, text, timestamptz, uuid, uuid[], bigint[])",
        ),
        migrations.RunSQL(POST_MANY, "DROP FUNCTION ledger_post_many(jsonb)"),
    ]
