-- What makes a mutating call safe to repeat: its request_id, written in the mutation's own
-- transaction and kept for a day. `resource` names what the call made or changed.

CREATE TABLE requests (
  project      text        NOT NULL,
  request_id   text        NOT NULL COLLATE "C",
  method       text        NOT NULL,
  hash         bytea       NOT NULL,
  resource     text        NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT requests_pkey PRIMARY KEY (project, request_id)
);

CREATE INDEX requests_age ON requests (requested_at);
