-- One row per execution, written when it starts, is parked, claimed or ends: never per step.
--
-- `owner` is the node incarnation that holds it; one without an owner is parked until `wake_at`.
-- `claims` counts the times it was taken up, and `unfenced` stands from then until the first journal
-- row of whoever took it up: a death in between is what `losses` counts.
--
-- There is no foreign key to workflows: a start locks the workflow's row once per statement, where
-- a foreign key would do so once per row.

CREATE TABLE executions (
  execution_key  uuid        NOT NULL,
  workflow_key   uuid        NOT NULL,
  parent_key     uuid,
  parent_event   bigint,
  revision_asked bigint      NOT NULL DEFAULT 0,
  revision       bigint      NOT NULL,
  claims         bigint      NOT NULL DEFAULT 0,
  started_at     timestamptz NOT NULL,
  ended_at       timestamptz,
  wake_at        timestamptz,
  owner          uuid,
  losses         integer     NOT NULL DEFAULT 0,
  unfenced       boolean     NOT NULL DEFAULT false,
  status         text        NOT NULL,
  execution_id   text        NOT NULL COLLATE "C",
  input_hash     bytea       NOT NULL,
  error          text        NOT NULL DEFAULT '',
  CONSTRAINT executions_pkey PRIMARY KEY (execution_key),
  -- Children have a name space of their own: a user cannot take a child's name.
  CONSTRAINT executions_name UNIQUE NULLS NOT DISTINCT (workflow_key, parent_key, execution_id),
  CONSTRAINT executions_status_known CHECK (
    status IN ('running', 'succeeded', 'failed', 'timed_out', 'aborted', 'quarantined')),
  CONSTRAINT executions_open_has_no_end CHECK (
    (status IN ('running', 'quarantined')) = (ended_at IS NULL)),
  CONSTRAINT executions_held_or_parked CHECK (owner IS NULL OR wake_at IS NULL)
) WITH (
  -- Room for the end's new version on the same page, and a vacuum that keeps up with a table whose
  -- every row dies once soon after it is born.
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0.02,
  autovacuum_analyze_threshold = 1000,
  autovacuum_vacuum_cost_delay = 1
);

-- What a node holds, and what a dead node held.
CREATE INDEX executions_owner ON executions (owner) WHERE owner IS NOT NULL;
-- What is due.
CREATE INDEX executions_wake ON executions (wake_at) WHERE owner IS NULL AND wake_at IS NOT NULL;
-- A workflow's executions, newest first.
CREATE INDEX executions_list ON executions (workflow_key, execution_key DESC);
-- The same by status. Nearly all executions succeed: those are found by the index above, and so a
-- successful end has one index less to write.
CREATE INDEX executions_list_status ON executions (workflow_key, status, execution_key DESC)
  WHERE status <> 'succeeded';
