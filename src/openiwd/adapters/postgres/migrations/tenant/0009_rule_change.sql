-- Changing the rule set without fear: who edited a draft, what it would do to open items, what a tenant asks for before
-- something goes live; and bulk runs whose items are still to be found.

-- One row, where the tenant has changed the defaults.
CREATE TABLE rule_set_setting (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    body jsonb NOT NULL,
    revision int NOT NULL DEFAULT 1
);

-- What each revision of a draft has changed: who was overtaken is told by whom and in what.
CREATE TABLE rule_set_draft_edit (
    draft_id uuid NOT NULL REFERENCES rule_set_draft ON DELETE CASCADE,
    revision int NOT NULL,
    body jsonb NOT NULL,                       -- at, by, differences
    PRIMARY KEY (draft_id, revision)
);

-- What a draft would do to the open items, as last counted. `moved_at` stands still when its process has died.
CREATE TABLE rule_set_impact (
    draft_id uuid PRIMARY KEY REFERENCES rule_set_draft ON DELETE CASCADE,
    run_id uuid NOT NULL,
    status text NOT NULL,                      -- running | done | canceled | failed
    body jsonb NOT NULL,
    moved_at timestamptz NOT NULL
);
-- The items behind its numbers: those that go the same way together.
CREATE TABLE rule_set_impact_part (
    draft_id uuid NOT NULL REFERENCES rule_set_impact ON DELETE CASCADE,
    part int NOT NULL,
    body jsonb NOT NULL,                       -- from where to where
    numbers bigint[] NOT NULL,
    PRIMARY KEY (draft_id, part)
);

-- `prepared` is false while the items that a run concerns are still being looked for, by who began to do so last.
ALTER TABLE bulk_job ADD COLUMN prepared boolean NOT NULL DEFAULT true, ADD COLUMN preparer uuid;
