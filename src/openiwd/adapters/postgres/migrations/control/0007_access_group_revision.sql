-- Two people who edit the same access group: the second is told, instead of undoing what the first has done.
ALTER TABLE access_group ADD COLUMN revision int NOT NULL DEFAULT 1;
