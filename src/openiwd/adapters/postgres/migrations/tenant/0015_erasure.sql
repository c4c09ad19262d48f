-- Erasure of personal values, with a certificate that holds none of them; and rules of how long items are kept.
ALTER TABLE contact ADD COLUMN erased_at timestamptz;

CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    contact_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    counts jsonb NOT NULL,                     -- what was blanked, by place
    remaining jsonb NOT NULL                   -- where the contact's values were still found afterwards, by place
);
CREATE INDEX erasure_contact ON erasure (contact_id, at DESC);

-- One row: the rules, in order; the first that fits a final item says for how many days it is kept.
CREATE TABLE retention (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    body jsonb NOT NULL,
    revision int NOT NULL DEFAULT 1
);
