-- The error inbox is bounded: how many open entries of each capture point have made room for newer ones, and when last.
CREATE TABLE capture_dropped (
    capture_point text PRIMARY KEY,
    errors bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
