-- Who does something for a tenant that one process at a time does. Valid while that process's lease is.
CREATE TABLE lease (
    tenant_id text NOT NULL REFERENCES tenant,
    name text NOT NULL,
    process_id uuid NOT NULL,
    epoch bigint NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, name)
);
