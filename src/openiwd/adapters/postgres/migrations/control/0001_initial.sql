-- Control database: tenants, users, keys, sessions, processes and leases. No work items here.

CREATE TABLE tenant (
    id text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9-]{0,39}$'),
    name text NOT NULL,
    ccid text UNIQUE,
    database_name text NOT NULL UNIQUE,
    clock text NOT NULL DEFAULT 'real' CHECK (clock IN ('real', 'virtual')),
    pushes boolean NOT NULL DEFAULT true,
    time_zone text NOT NULL DEFAULT 'UTC',
    created_at timestamptz NOT NULL DEFAULT now(),
    active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE app_user (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenant,
    login text NOT NULL,
    name text NOT NULL,
    password_hash text,
    role text NOT NULL,
    access_groups text[] NOT NULL DEFAULT '{}',
    agent_id text,
    language text NOT NULL DEFAULT 'en',
    time_zone text NOT NULL DEFAULT 'UTC',
    active boolean NOT NULL DEFAULT true,
    failed_logins int NOT NULL DEFAULT 0,
    locked_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    revision int NOT NULL DEFAULT 1,
    UNIQUE (tenant_id, login)
);

CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    tenant_id text NOT NULL REFERENCES tenant,
    csrf_token text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE api_key (
    id uuid PRIMARY KEY,
    tenant_id text REFERENCES tenant,          -- null: the platform key
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    key_hint text NOT NULL,
    role text,
    privileges text[] NOT NULL DEFAULT '{}',
    access_groups text[] NOT NULL DEFAULT '{}',
    agent_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    active boolean NOT NULL DEFAULT true
);
CREATE INDEX api_key_tenant ON api_key (tenant_id);

CREATE TABLE access_group (
    tenant_id text NOT NULL REFERENCES tenant,
    id text NOT NULL,
    name text NOT NULL,
    categories text[] NOT NULL DEFAULT '{}',
    queues text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);

-- A running process; one lease renewal per process stands for all its tenants and agents.
CREATE TABLE process (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    address text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);

-- Who decides for a tenant. Valid while that process's lease is.
CREATE TABLE decider_lease (
    tenant_id text PRIMARY KEY REFERENCES tenant,
    process_id uuid NOT NULL,
    epoch bigint NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which rule-set version each live process has compiled: publishing waits for these.
CREATE TABLE rule_set_ready (
    tenant_id text NOT NULL REFERENCES tenant,
    process_id uuid NOT NULL REFERENCES process ON DELETE CASCADE,
    version int NOT NULL,
    PRIMARY KEY (tenant_id, process_id)
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant_id text,
    actor text NOT NULL,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_tenant ON audit (tenant_id, id DESC);
