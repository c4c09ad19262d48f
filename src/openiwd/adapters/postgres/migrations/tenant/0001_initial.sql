-- Tenant database: work items, their event log, agents, offers, rule sets.

-- One row: what is true of this tenant as a whole.
CREATE TABLE tenant_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation int NOT NULL DEFAULT 1,
    virtual_now timestamptz
);
INSERT INTO tenant_state DEFAULT VALUES;

-- One row: the rule-set version that judges. Intake and updates read it FOR SHARE, publishing updates it.
CREATE TABLE live_rule_set (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version int
);
INSERT INTO live_rule_set DEFAULT VALUES;

CREATE TABLE rule_set (
    version int PRIMARY KEY,
    document jsonb NOT NULL,
    calendars jsonb NOT NULL DEFAULT '{}',     -- frozen: id -> spans, dates, transitions
    source text,                               -- the YAML as given
    comment text,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL
);

-- One row: the epoch of the decider that may claim. Claims read it FOR SHARE; takeover raises it.
CREATE TABLE decider (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 0,
    process_id uuid
);
INSERT INTO decider DEFAULT VALUES;

CREATE TABLE contact (
    id uuid PRIMARY KEY,
    customer_id text,
    name text,
    emails text[] NOT NULL DEFAULT '{}',
    phones text[] NOT NULL DEFAULT '{}',
    language text,
    created_at timestamptz NOT NULL,
    revision int NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX contact_customer ON contact (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX contact_emails ON contact USING gin (emails);
CREATE INDEX contact_phones ON contact USING gin (phones);

CREATE TABLE item (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    revision int NOT NULL,
    status text NOT NULL,
    capture_point text NOT NULL,
    capture_id text NOT NULL,
    media_type text NOT NULL,
    channel text,
    named_category text,
    category_id text,
    category_path text,
    department_id text,
    process_id text,
    queue_id text,
    schema_id text,
    business_value int NOT NULL,
    priority_fixed int,
    priority_adjustment int NOT NULL,
    subject text,
    description text,
    source_url text,
    contact_id uuid,
    contact jsonb,
    ext jsonb NOT NULL,
    data jsonb NOT NULL,
    tags text[] NOT NULL,
    overridden jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    activation_at timestamptz,
    due_at timestamptz,
    due_origin text,
    expiration_at timestamptz,
    anchor_at timestamptz,
    reopened_at timestamptz,
    pauses jsonb NOT NULL DEFAULT '[]',        -- [[from, to], ...]: holds that stopped the clock
    clock_id text,
    clock_origin bigint,                       -- clock(anchor) + pauses
    clock_frozen bigint,                       -- clock(held_at) while a hold stops the clock
    queued_at timestamptz,
    assigned_at timestamptz,
    completed_at timestamptz,
    held_at timestamptz,
    hold_reason text,
    hold_until timestamptz,
    hold_wakes_on text,
    hold_pauses boolean NOT NULL DEFAULT false,
    keep_for text,
    requirement jsonb NOT NULL,
    segment text,
    assigned_to text,
    assignment_id uuid,
    reserved_for text,
    reserved_until timestamptz,
    reserved_by text,
    offer_id uuid,
    offered_to text,
    offered_at timestamptz,
    offer_expires_at timestamptz,
    excluded jsonb NOT NULL DEFAULT '[]',
    declines int NOT NULL DEFAULT 0,
    last_agent text,
    error text,
    rule_set_version int,
    attached_data jsonb NOT NULL,
    submission_hash bytea NOT NULL,
    UNIQUE (capture_id, capture_point)         -- in this order it also finds a captureId at any capture point
) WITH (fillfactor = 70);                      -- room for the versions of an item on its page: offered, accepted, completed

-- Hot paths: the decider's load, timers, an agent's items, the tree's counts, the recent list. Most are partial: an item costs
-- an entry only while it is in that state. None has a column that an offer changes: an offer then adds no entry anywhere (a
-- heap-only update) where the page has room; what is looked for by offer is found in the table of offers.
CREATE INDEX item_queued ON item (number) WHERE status = 'queued';
CREATE INDEX item_queue ON item (queue_id) WHERE status = 'queued';
CREATE INDEX item_open_category ON item (category_path text_pattern_ops, status) WHERE status IN ('new','captured','queued','assigned','held','errorheld');
CREATE INDEX item_assigned ON item (assigned_to) WHERE assigned_to IS NOT NULL;
CREATE INDEX item_reserved ON item (reserved_for) WHERE reserved_for IS NOT NULL;
CREATE INDEX item_kept ON item (keep_for) WHERE keep_for IS NOT NULL;
CREATE INDEX item_reservation_end ON item (reserved_until) WHERE reserved_until IS NOT NULL;
CREATE INDEX item_captured ON item (activation_at) WHERE status = 'captured';
CREATE INDEX item_hold_until ON item (hold_until) WHERE status = 'held';
CREATE INDEX item_due ON item (due_at) WHERE status IN ('new','captured','queued','assigned','held','errorheld');
CREATE INDEX item_expiry ON item (expiration_at) WHERE status IN ('completed','canceled','rejected');
CREATE INDEX item_received ON item (received_at DESC, number DESC);
CREATE INDEX item_contact ON item (contact_id) WHERE contact_id IS NOT NULL;

-- Text of an item's attributes as an instant; null for what is none, so that a search meets no cast error.
CREATE FUNCTION to_instant(p_text text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN p_text ~ '^\d{4}-\d\d-\d\d' THEN p_text::timestamptz END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

-- The append-only log. `pos` is dense and its order is commit order (see append_events).
CREATE TABLE event (
    generation int NOT NULL,
    pos bigint NOT NULL,
    at timestamptz NOT NULL,
    type text NOT NULL,
    actor text NOT NULL,
    item_id uuid,
    item_number bigint,
    revision int,
    subject_id text,
    body json NOT NULL,                        -- json, not jsonb: written and read whole, at half of the cost
    PRIMARY KEY (generation, pos)
);
CREATE UNIQUE INDEX event_item_revision ON event (item_id, revision) WHERE item_id IS NOT NULL;

-- Values of persons, apart from the log: erasure blanks them and keeps the event.
CREATE TABLE event_personal (
    generation int NOT NULL,
    pos bigint NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (generation, pos)
);

-- Appends events in the order given, column by column (JSON would cost twice as much), and returns the position of the last one.
-- To be called last in its transaction: the lock that it takes is held until commit, so that positions become visible in their
-- order and `pos > last` never skips.
CREATE FUNCTION append_events(
    p_at timestamptz[], p_type text[], p_actor text[], p_item_id uuid[], p_item_number bigint[], p_revision int[],
    p_subject_id text[], p_body json[], p_personal json[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
    gen int;
BEGIN
    PERFORM pg_advisory_xact_lock(7310984512);
    SELECT generation INTO gen FROM tenant_state;
    -- Retention must keep the last event of a generation: positions go on from it.
    SELECT coalesce((SELECT pos FROM event WHERE generation = gen ORDER BY pos DESC LIMIT 1), 0) INTO head;
    INSERT INTO event_personal (generation, pos, body)
    SELECT gen, head + n, body FROM unnest(p_personal) WITH ORDINALITY AS u(body, n) WHERE body IS NOT NULL;
    INSERT INTO event (generation, pos, at, type, actor, item_id, item_number, revision, subject_id, body)
    SELECT gen, head + n, at, type, actor, item_id, item_number, revision, subject_id, body
    FROM unnest(p_at, p_type, p_actor, p_item_id, p_item_number, p_revision, p_subject_id, p_body)
        WITH ORDINALITY AS u(at, type, actor, item_id, item_number, revision, subject_id, body, n);
    RETURN head + cardinality(p_at);
END $$;

-- Offers with their decision records (binary, see domain/decision.py). The open one is also on the item row, and who looks
-- for open ones (an agent's, those that end next) looks here: this table is narrow.
CREATE TABLE offer (
    id uuid PRIMARY KEY,
    item_id uuid NOT NULL,
    item_number bigint NOT NULL,
    epoch bigint NOT NULL,
    offered_at timestamptz NOT NULL,
    expires_at timestamptz,
    ended_at timestamptz,
    agent_id text NOT NULL,
    queue_id text NOT NULL,
    kind text NOT NULL,                        -- push | pull | pick
    outcome text,                              -- accepted, declined, timedOut, withdrawn, lost
    reason text,
    decision bytea NOT NULL
);
CREATE UNIQUE INDEX offer_one_open_per_item ON offer (item_number) WHERE outcome IS NULL;
CREATE INDEX offer_item ON offer (item_number, offered_at DESC);
CREATE INDEX offer_open_agent ON offer (agent_id) WHERE outcome IS NULL;
CREATE INDEX offer_expiry ON offer (expires_at) WHERE outcome IS NULL;

-- Grants items to agents for the decider: writes nothing for an item whose revision has moved, nothing at all when the
-- epoch is over. One statement = one transaction, so a frozen decider holds no lock. The grants of a call are of one kind,
-- instant and actor; of the rest one array per value, of equal length, and the bodies of the events one per line: measured,
-- rows as JSON cost twice as much here. Rows are found by index whatever the planner believes about sizes. The events are
-- appended as append_events does, without another way through JSON, and as late.
-- Returns the numbers granted; null when fenced.
CREATE FUNCTION claim(
    p_epoch bigint, p_kind text, p_at timestamptz, p_actor text, p_number bigint[], p_revision int[], p_agent text[],
    p_offer uuid[], p_assignment uuid[], p_lasts bigint[], p_decision bytea[], p_body text
) RETURNS bigint[] LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    pushed CONSTANT boolean := p_kind = 'push';
    granted bigint[];
    ids uuid[];
    revisions int[];
    bodies text[];
    head bigint;
    gen int;
BEGIN
    PERFORM FROM decider WHERE epoch = p_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM item WHERE number = ANY (p_number) ORDER BY number FOR NO KEY UPDATE;
    WITH moved AS (
        UPDATE item SET
            revision = item.revision + 1,
            status = CASE WHEN pushed THEN 'queued' ELSE 'assigned' END,
            offer_id = CASE WHEN pushed THEN w.offer END,
            offered_to = CASE WHEN pushed THEN w.agent END,
            offered_at = CASE WHEN pushed THEN p_at END,
            offer_expires_at = CASE WHEN pushed THEN p_at + w.lasts * interval '1 microsecond' END,
            assigned_to = CASE WHEN pushed THEN NULL ELSE w.agent END,
            assignment_id = CASE WHEN pushed THEN NULL ELSE w.assignment END,
            assigned_at = CASE WHEN pushed THEN item.assigned_at ELSE p_at END,
            reserved_for = CASE WHEN pushed THEN item.reserved_for END,
            reserved_until = CASE WHEN pushed THEN item.reserved_until END,
            reserved_by = CASE WHEN pushed THEN item.reserved_by END
        FROM unnest(p_number, p_revision, p_agent, p_offer, p_assignment, p_lasts, p_decision, string_to_array(p_body, E'\n'))
            AS w(number, revision, agent, offer, assignment, lasts, decision, body)
        WHERE item.number = w.number AND item.revision = w.revision AND item.status = 'queued' AND item.offer_id IS NULL
        RETURNING item.number, item.id AS item_id, item.revision AS now_revision, item.queue_id, item.offer_expires_at,
            w.agent, w.offer, w.decision, w.body
    ), offers AS (
        INSERT INTO offer (id, item_number, item_id, agent_id, queue_id, kind, epoch, offered_at, expires_at, outcome, ended_at, decision)
        SELECT offer, number, item_id, agent, queue_id, p_kind, p_epoch, p_at, offer_expires_at,
            CASE WHEN NOT pushed THEN 'accepted' END, CASE WHEN NOT pushed THEN p_at END, decision
        FROM moved
    )
    SELECT array_agg(number), array_agg(item_id), array_agg(now_revision), array_agg(body) INTO granted, ids, revisions, bodies
    FROM moved;
    IF granted IS NULL THEN
        RETURN '{}';
    END IF;
    PERFORM pg_advisory_xact_lock(7310984512);
    SELECT generation INTO gen FROM tenant_state;
    SELECT coalesce((SELECT pos FROM event WHERE generation = gen ORDER BY pos DESC LIMIT 1), 0) INTO head;
    INSERT INTO event (generation, pos, at, type, actor, item_id, item_number, revision, body)
    SELECT gen, head + u.n, p_at, CASE WHEN pushed THEN 'offered' ELSE 'assigned' END, p_actor, u.id, u.number, u.revision, u.body::json
    FROM unnest(granted, ids, revisions, bodies) WITH ORDINALITY AS u(number, id, revision, body, n);
    RETURN granted;
END $$;

CREATE TABLE note (
    id uuid PRIMARY KEY,
    item_number bigint NOT NULL REFERENCES item ON DELETE CASCADE,
    at timestamptz NOT NULL,
    author text NOT NULL,
    text text NOT NULL
);
CREATE INDEX note_item ON note (item_number, at);

CREATE TABLE attachment (
    id uuid PRIMARY KEY,
    item_number bigint NOT NULL REFERENCES item ON DELETE CASCADE,
    at timestamptz NOT NULL,
    author text NOT NULL,
    file_name text NOT NULL,
    content_type text NOT NULL,
    size int NOT NULL,
    sha256 bytea NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX attachment_item ON attachment (item_number, at);

CREATE TABLE link (
    item_number bigint NOT NULL REFERENCES item ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('parent', 'duplicateOf', 'relatesTo', 'continues')),
    other_number bigint NOT NULL REFERENCES item ON DELETE CASCADE,
    at timestamptz NOT NULL,
    author text NOT NULL,
    PRIMARY KEY (item_number, kind, other_number)
);
CREATE INDEX link_other ON link (other_number);

CREATE TABLE skill (id text PRIMARY KEY, name text NOT NULL, description text NOT NULL DEFAULT '', revision int NOT NULL DEFAULT 1);
CREATE TABLE agent_group (id text PRIMARY KEY, name text NOT NULL, description text NOT NULL DEFAULT '', revision int NOT NULL DEFAULT 1);

CREATE TABLE agent (
    id text PRIMARY KEY,
    revision int NOT NULL DEFAULT 1,
    active boolean NOT NULL DEFAULT true,
    profile jsonb NOT NULL,                    -- AgentProfile
    states jsonb NOT NULL DEFAULT '{}',        -- media type or '*' -> state
    session text,
    seen_by uuid,
    logged_in_at timestamptz
);

-- Wrap-up keeps capacity after an assignment has ended.
CREATE TABLE wrap_up (
    assignment_id uuid PRIMARY KEY,
    agent_id text NOT NULL,
    item_number bigint NOT NULL,
    media_type text NOT NULL,
    weight int NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX wrap_up_agent ON wrap_up (agent_id);

CREATE TABLE hold_reason (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE capture_point (id text PRIMARY KEY CHECK (id ~ '^[A-Za-z][A-Za-z0-9_]{0,15}$'), body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE lookup_table (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE saved_view (id uuid PRIMARY KEY, owner text NOT NULL, shared boolean NOT NULL DEFAULT false, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);

CREATE TABLE idempotency_key (
    key text PRIMARY KEY,
    request_hash bytea NOT NULL,
    status int NOT NULL,
    response jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- Where a reader of an outside source (a file, a replay) stands; moved in the same transaction as what it brought.
CREATE TABLE checkpoint (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE bulk_job (
    id uuid PRIMARY KEY,
    action text NOT NULL,
    request jsonb NOT NULL,
    actor text NOT NULL,
    dry_run boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'running',    -- running | done | canceled | failed
    total int NOT NULL DEFAULT 0,
    done int NOT NULL DEFAULT 0,
    failed int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error text
);
CREATE TABLE bulk_job_item (
    job_id uuid NOT NULL REFERENCES bulk_job ON DELETE CASCADE,
    ordinal int NOT NULL,
    item_number bigint NOT NULL,
    outcome text,                              -- null = waiting; done | unchanged | error
    detail jsonb,
    PRIMARY KEY (job_id, ordinal)
);
CREATE INDEX bulk_job_waiting ON bulk_job_item (job_id, ordinal) WHERE outcome IS NULL;
