-- What executions owe each other, and what they wait for from outside. A sender never touches the
-- receiver's executions row: it inserts mail, which the receiver's owner consumes with an append.
-- Ids are deterministic, so that a second insertion of the same mail does nothing.

CREATE TABLE mail (
  receiver     uuid        NOT NULL,
  mail_id      text        NOT NULL COLLATE "C",
  sender       uuid,
  kind         text        NOT NULL,
  content      bytea       NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT mail_pkey PRIMARY KEY (receiver, mail_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- The sweep takes the oldest first.
CREATE INDEX mail_created ON mail (created_at);

CREATE TABLE waits (
  project       text   NOT NULL,
  kind          text   NOT NULL,
  name          text   NOT NULL COLLATE "C",
  correlation   text   NOT NULL COLLATE "C",
  execution_key uuid   NOT NULL,
  event_id      bigint NOT NULL,
  CONSTRAINT waits_pkey PRIMARY KEY (execution_key, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Who waits for this event?
CREATE INDEX waits_event ON waits (project, kind, name, correlation);
