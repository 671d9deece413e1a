-- Whether a meter behind the caller had answered as ours when a modem's session began: from a node that lives, only such a
-- caller takes a modem away.
ALTER TABLE modem_session ADD COLUMN proved boolean NOT NULL DEFAULT false;
