-- Several head-ends at one database: who polls which modems, since when, and under which epoch.

-- Modems are numbered as they come; 250 neighbours in that order are one shard, the unit of work.
ALTER TABLE modem ADD COLUMN number integer;
UPDATE modem SET number = counted.number
    FROM (SELECT code, row_number() OVER (ORDER BY code) AS number FROM modem) AS counted
    WHERE counted.code = modem.code;
ALTER TABLE modem ALTER COLUMN number SET NOT NULL;
ALTER TABLE modem ADD COLUMN shard integer GENERATED ALWAYS AS ((number - 1) / 250) STORED;
CREATE INDEX modem_number ON modem (number);
CREATE INDEX modem_shard ON modem (shard);

-- No sequence: bringing a register again must not use up numbers, and shards stay full.
CREATE FUNCTION number_modem() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.number := (SELECT coalesce(max(number), 0) + 1 FROM modem);
    RETURN NEW;
END $$;
CREATE TRIGGER modem_is_numbered BEFORE INSERT ON modem FOR EACH ROW EXECUTE FUNCTION number_modem();

-- A head-end at work. `spool` names the file whose lock it holds; `worker` is its worker in the queue.
CREATE TABLE node (
    name       text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    stopped_at timestamptz,
    listen     text NOT NULL DEFAULT '',
    version    text NOT NULL DEFAULT '',
    spool      uuid NOT NULL,
    worker     bigint
);

-- One sequence for all epochs: of any two, the later lease has the higher one.
CREATE SEQUENCE lease_epoch;

CREATE TABLE shard_lease (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL,
    node  text NOT NULL REFERENCES node,
    since timestamptz NOT NULL
);

-- A modem that called belongs to the node it reached, until it hangs up (`ended`) or calls another.
CREATE TABLE modem_session (
    modem text PRIMARY KEY REFERENCES modem,
    epoch bigint NOT NULL,
    node  text NOT NULL REFERENCES node,
    since timestamptz NOT NULL,
    ended timestamptz
);

-- When an epoch came to its end because another node took over.
CREATE TABLE lease_move (
    epoch bigint PRIMARY KEY,
    at    timestamptz NOT NULL
);
CREATE INDEX lease_move_at ON lease_move (at);
