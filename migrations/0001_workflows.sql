-- Workflows and their revisions. A workflow has a key of its own beside its name, so that a name
-- which is deleted and created again is another workflow: what still runs belongs to the old one.

CREATE TABLE workflows (
  workflow_key      uuid        NOT NULL,
  project           text        NOT NULL,
  workflow_id       text        NOT NULL,
  type              text        NOT NULL,
  description       text        NOT NULL DEFAULT '',
  latest_revision   bigint      NOT NULL,
  etag              text        NOT NULL,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  deleted_at        timestamptz,
  remove_executions boolean     NOT NULL DEFAULT false,
  CONSTRAINT workflows_pkey PRIMARY KEY (workflow_key),
  CONSTRAINT workflows_type_known CHECK (type IN ('standard', 'express'))
);

-- A name belongs to one workflow that is not deleted; names sort by their bytes, as pages do.
CREATE UNIQUE INDEX workflows_name ON workflows (project, workflow_id COLLATE "C")
  WHERE deleted_at IS NULL;
-- An execution that is asked for by name may belong to a deleted workflow.
CREATE INDEX workflows_any_name ON workflows (project, workflow_id COLLATE "C");
CREATE INDEX workflows_deleted ON workflows (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE revisions (
  workflow_key uuid        NOT NULL,
  revision     bigint      NOT NULL,
  language     text        NOT NULL,
  definition   text        NOT NULL,
  created_at   timestamptz NOT NULL,
  CONSTRAINT revisions_pkey PRIMARY KEY (workflow_key, revision),
  CONSTRAINT revisions_workflow_exists FOREIGN KEY (workflow_key) REFERENCES workflows
);
