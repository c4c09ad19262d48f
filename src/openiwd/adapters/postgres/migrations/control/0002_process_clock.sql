-- What a process's own clock said when it last renewed its lease: how far clocks are apart.
ALTER TABLE process ADD COLUMN clock_at timestamptz, ADD COLUMN renewed_at timestamptz;
