-- One row per life of a node, and which database this is. A node is alive as long as others see its
-- `beats` grow; an owner without a row here is dead.

CREATE TABLE nodes (
  node       uuid        NOT NULL,
  address    text        NOT NULL,
  beats      bigint      NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  beat_at    timestamptz NOT NULL,
  CONSTRAINT nodes_pkey PRIMARY KEY (node)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- A time as a number, exactly: what a program reads instead of a date's text.
CREATE FUNCTION unix_micros(at timestamptz) RETURNS bigint
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (extract(epoch FROM at) * 1000000)::bigint;

-- Constant as long as no row that was read can have been lost: a failover changes the timeline, a
-- restore the system's identifier or the timeline, and a disk put back the start time.
CREATE FUNCTION database_token() RETURNS text
  LANGUAGE sql VOLATILE
RETURN (pg_control_system()).system_identifier::text
  || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
  || ' ' || unix_micros(pg_postmaster_start_time())::text;
