-- Logging in with an identity provider and with a second factor; sessions that end by themselves and can be told apart.
ALTER TABLE app_user
    ADD COLUMN subject text,                       -- issuer and subject of the identity provider
    ADD COLUMN second_factor_at timestamptz,       -- confirmed then; null: none
    ADD COLUMN second_factor_sealed bytea,
    ADD COLUMN second_factor_step bigint NOT NULL DEFAULT 0,
    ADD COLUMN recovery_hashes bytea[] NOT NULL DEFAULT '{}';
CREATE UNIQUE INDEX app_user_subject ON app_user (tenant_id, subject) WHERE subject IS NOT NULL;

ALTER TABLE session
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN device text NOT NULL DEFAULT '',
    ADD COLUMN idle_seconds int NOT NULL DEFAULT 43200,
    ADD COLUMN over_at timestamptz NOT NULL DEFAULT now() + interval '72 hours',
    ADD COLUMN provider_token bytea;               -- sealed; for logging out at the provider

CREATE TABLE login_settings (
    tenant_id text PRIMARY KEY REFERENCES tenant,
    settings jsonb NOT NULL,
    client_secret bytea,                           -- sealed
    revision int NOT NULL DEFAULT 1
);
