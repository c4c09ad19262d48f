-- Rule sets that are being changed; what is published is in rule_set.
CREATE TABLE rule_set_draft (id uuid PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
