-- What an email is written in, and since when one of ours waits to be sent: time in review does not count for its tries.
ALTER TABLE email ADD COLUMN language text, ADD COLUMN queued_at timestamptz;
