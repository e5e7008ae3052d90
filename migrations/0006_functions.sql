-- Functions that Task states call, with their code. `version_key` changes with the code, so that a
-- node knows whether what it has unpacked is still right.

CREATE TABLE functions (
  project          text        NOT NULL,
  function_id      text        NOT NULL COLLATE "C",
  version_key      uuid        NOT NULL,
  handler          text        NOT NULL,
  source           bytea,
  zip              bytea,
  timeout_ms       bigint      NOT NULL,
  memory_bytes_max bigint      NOT NULL,
  description      text        NOT NULL DEFAULT '',
  created_at       timestamptz NOT NULL,
  CONSTRAINT functions_pkey PRIMARY KEY (project, function_id),
  CONSTRAINT functions_code_is_one_of CHECK (num_nonnulls(source, zip) = 1)
);
ALTER TABLE functions ALTER COLUMN zip SET STORAGE EXTERNAL;
