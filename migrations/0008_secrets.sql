-- What nodes share and nobody else may know: the key that signs task tokens. 32 random bytes each,
-- made by the node that first asks.

CREATE TABLE secrets (
  name       text        NOT NULL COLLATE "C",
  value      bytea       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT secrets_pkey PRIMARY KEY (name),
  CONSTRAINT secrets_value_is_long CHECK (octet_length(value) = 32)
);
