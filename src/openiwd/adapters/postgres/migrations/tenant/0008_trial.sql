-- Drafts on trial: a shadow decides beside the live rules without effect, a canary judges a share of the new items.

-- What a canary judges by is kept like a version, so that the items it has judged name it; it is never live.
ALTER TABLE rule_set ADD COLUMN trial boolean NOT NULL DEFAULT false;
-- Intake and updates read the running canary with the live version, under the same lock.
ALTER TABLE live_rule_set ADD COLUMN canary int REFERENCES rule_set (version);

CREATE TABLE canary (
    version int PRIMARY KEY REFERENCES rule_set (version),
    draft_id uuid NOT NULL,
    body jsonb NOT NULL,                       -- share, category, guards, who began it, what it left out
    started_at timestamptz NOT NULL,
    first_number bigint NOT NULL,              -- items of before have lower numbers
    generation int NOT NULL,                   -- up to here in the log its items are counted
    pos bigint NOT NULL,
    sides jsonb NOT NULL DEFAULT '{}',
    ended_at timestamptz,
    ended_by text,
    outcome text,                              -- stopped | rolledBack | promoted | overtaken
    tripped jsonb NOT NULL DEFAULT '[]',       -- the guards that ended it
    left_at timestamptz                        -- since then no open item is judged by it any more, as far as that was wanted
);
CREATE UNIQUE INDEX canary_running ON canary ((true)) WHERE ended_at IS NULL;
CREATE INDEX canary_draft ON canary (draft_id, version DESC);

CREATE TABLE shadow (
    draft_id uuid PRIMARY KEY REFERENCES rule_set_draft (id) ON DELETE CASCADE,
    sample double precision NOT NULL,
    started_at timestamptz NOT NULL,
    started_by text NOT NULL,
    stopped_at timestamptz,
    draft_revision int NOT NULL,               -- what is counted was judged by this revision of the draft,
    live_version int NOT NULL,                 -- beside this version,
    counted_from timestamptz NOT NULL,         -- since then
    looked bigint NOT NULL DEFAULT 0,
    diverged bigint NOT NULL DEFAULT 0,
    shed bigint NOT NULL DEFAULT 0,            -- not looked at: more came than the shadow's share of the processor allows
    fault text                                 -- why the draft cannot be compiled at present
);
CREATE TABLE shadow_count (
    draft_id uuid NOT NULL REFERENCES shadow ON DELETE CASCADE,
    category_path text NOT NULL,               -- by the live rules; empty where they found none
    kind text NOT NULL,                        -- of divergence; 'looked' counts the items looked at, 'diverged' those that differ
    items bigint NOT NULL,
    PRIMARY KEY (draft_id, category_path, kind)
);
CREATE TABLE shadow_divergence (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draft_id uuid NOT NULL REFERENCES shadow ON DELETE CASCADE,
    kinds text[] NOT NULL,
    category_path text NOT NULL,
    body jsonb NOT NULL
);
CREATE INDEX shadow_divergence_draft ON shadow_divergence (draft_id, number DESC);

-- What a publication has ready in all processes before it goes live (see the control database); gone afterwards.
CREATE TABLE rule_set_prepared (
    id uuid PRIMARY KEY,
    version int NOT NULL,
    document jsonb NOT NULL,
    calendars jsonb NOT NULL
);
-- Which preparation a version was: a process that has it compiled need not read it again.
ALTER TABLE rule_set ADD COLUMN preparation uuid;
