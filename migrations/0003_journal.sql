-- The journal: what each commit decided for one execution. Append only; its primary key is the lock
-- that decides who may write, so it has no other index. Partitioned from the first day by the time in
-- the execution's key, because old days are dropped as a whole and a table cannot be turned into a
-- partitioned one while it is in use.

CREATE TABLE journal (
  execution_key uuid     NOT NULL,
  writer_node   uuid     NOT NULL,
  writer_batch  bigint   NOT NULL,
  seq           integer  NOT NULL,
  format        smallint NOT NULL,
  terminal      boolean  NOT NULL,
  events        bytea    NOT NULL,
  CONSTRAINT journal_pkey PRIMARY KEY (execution_key, seq),
  CONSTRAINT journal_seq_from_one CHECK (seq > 0)
) PARTITION BY RANGE (execution_key);

-- The engine compresses large rows itself, and better.
ALTER TABLE journal ALTER COLUMN events SET STORAGE EXTERNAL;

-- A whole snapshot at `seq`, referring to no row at or before it.
CREATE TABLE checkpoints (
  execution_key uuid     NOT NULL,
  writer_node   uuid     NOT NULL,
  writer_batch  bigint   NOT NULL,
  seq           integer  NOT NULL,
  format        smallint NOT NULL,
  snapshot      bytea    NOT NULL,
  CONSTRAINT checkpoints_pkey PRIMARY KEY (execution_key, seq)
);
ALTER TABLE checkpoints ALTER COLUMN snapshot SET STORAGE EXTERNAL;

-- The smallest UUIDv7 of a day (UTC): where its partition begins.
CREATE FUNCTION journal_day_start(day date) RETURNS uuid
  LANGUAGE sql IMMUTABLE STRICT
RETURN (
  lpad(to_hex(extract(epoch FROM day::timestamp)::bigint * 1000), 12, '0') || repeat('0', 20)
)::uuid;

-- By a query with a snapshot of its own, not by to_regclass(): that may remember from before a lock
-- was waited for that there is none.
CREATE FUNCTION journal_partition_stands(partition_name text) RETURNS boolean
  LANGUAGE sql VOLATILE
RETURN EXISTS (
  SELECT
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'journal'::regclass AND c.relname = partition_name
);

-- Makes one day's partition unless it stands. It is attached rather than created in place, because
-- that does not stop those who write to the other days.
CREATE FUNCTION create_journal_partition(day date) RETURNS boolean
  LANGUAGE plpgsql
AS $body$
DECLARE
  partition_name text := 'journal_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF journal_partition_stands(partition_name) THEN
    RETURN false;
  END IF;
  -- Two nodes may come here at once: the second one waits, and then finds it made.
  PERFORM pg_advisory_xact_lock(7102846193505);
  IF journal_partition_stands(partition_name) THEN
    RETURN false;
  END IF;
  EXECUTE format(
    'CREATE TABLE %I (LIKE journal INCLUDING ALL) WITH ('
    'autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_vacuum_insert_threshold = 1000000, '
    'autovacuum_analyze_scale_factor = 0.5, autovacuum_analyze_threshold = 1000000)',
    partition_name);
  EXECUTE format(
    'ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
    partition_name, journal_day_start(day), journal_day_start(day + 1));
  RETURN true;
END
$body$;

-- Makes all partitions of a range of days; returns how many were missing.
CREATE FUNCTION ensure_journal_partitions(first_day date, last_day date) RETURNS integer
  LANGUAGE plpgsql
AS $body$
DECLARE
  made integer := 0;
BEGIN
  FOR number_of_day IN 0 .. last_day - first_day LOOP
    IF create_journal_partition(first_day + number_of_day) THEN
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END
$body$;

-- A new database is ready at once.
SELECT ensure_journal_partitions((now() AT TIME ZONE 'UTC')::date - 1,
                                 (now() AT TIME ZONE 'UTC')::date + 3);
