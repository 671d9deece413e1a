-- What meters said: only ever appended.
CREATE TABLE poll (
    id              uuid PRIMARY KEY,
    meter_id        integer NOT NULL REFERENCES meter,
    modem           text NOT NULL REFERENCES modem,
    started         timestamptz NOT NULL,
    ended           timestamptz NOT NULL,
    outcome         text NOT NULL,
    detail          text NOT NULL DEFAULT '',
    clock_offset_s  double precision
);
CREATE INDEX poll_meter ON poll (meter_id, started DESC);
CREATE INDEX poll_modem ON poll (modem, started DESC);
CREATE INDEX poll_started ON poll (started DESC);

CREATE TABLE answer (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    meter_id    integer NOT NULL REFERENCES meter,
    poll_id     uuid NOT NULL,
    item        text NOT NULL,
    asked_from  timestamptz,
    asked_to    timestamptz,
    complete    boolean NOT NULL,
    received_at timestamptz NOT NULL,
    digest      bytea NOT NULL,          -- SHA-256 of the bytes
    raw         bytea COMPRESSION lz4 NOT NULL,
    PRIMARY KEY (id)
);
-- The same bytes for the same question are the same answer: a re-read adds nothing.
CREATE UNIQUE INDEX answer_once ON answer (meter_id, item, asked_from, asked_to, digest) NULLS NOT DISTINCT;

CREATE TABLE rejected_frame (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id    integer REFERENCES meter,
    modem       text,
    poll_id     uuid,
    item        text NOT NULL,
    asked_from  timestamptz,
    asked_to    timestamptz,
    received_at timestamptz NOT NULL,
    reason      text NOT NULL,
    raw         bytea COMPRESSION lz4 NOT NULL,
    digest      bytea NOT NULL
);
CREATE UNIQUE INDEX rejected_once ON rejected_frame (poll_id, item, digest, reason) NULLS NOT DISTINCT;

-- lz4 for what is long: pglz took four fifths of the time of storing a fleet's answers.
-- One channel of one profile answer, from its first stamp `at` to its `last`. A regular block has `at` + i × interval_s;
-- a block with holes lists its instants. A block spans 32 days at most (a longer answer is cut at months), so that
-- what overlaps a period lies within 32 days before it. An empty `status` says that every status is 0.
CREATE TABLE profile_block (
    meter_id    integer NOT NULL,
    channel     smallint NOT NULL,
    at          timestamptz NOT NULL,
    last        timestamptz NOT NULL CHECK (last >= at AND last <= at + INTERVAL '32 days'),
    kind        text NOT NULL CHECK (kind IN ('index', 'interval_energy', 'mean_power')),
    interval_s  integer NOT NULL CHECK (interval_s > 0),
    instants    timestamptz[] COMPRESSION lz4,
    raw         bigint[] COMPRESSION lz4 NOT NULL,
    status      bigint[] COMPRESSION lz4 NOT NULL,
    scaler      smallint NOT NULL,
    unit        smallint NOT NULL,
    obis        text NOT NULL,
    digest      bytea NOT NULL,          -- SHA-256 of stamps, values, statuses, scaler and unit
    received_at timestamptz NOT NULL,
    poll_id     uuid NOT NULL
);
SELECT create_hypertable('profile_block', 'at', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX profile_block_once ON profile_block (meter_id, channel, obis, at, digest);
CREATE INDEX profile_block_at ON profile_block (meter_id, at DESC);

CREATE TABLE register_read (
    meter_id    integer NOT NULL,
    channel     smallint NOT NULL,
    rate        smallint NOT NULL,
    at          timestamptz NOT NULL,
    raw         bigint NOT NULL,
    scaler      smallint NOT NULL,
    unit        smallint NOT NULL,
    status      bigint NOT NULL DEFAULT 0,
    source      text NOT NULL,
    received_at timestamptz NOT NULL,
    poll_id     uuid
);
SELECT create_hypertable('register_read', 'at', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX register_read_once ON register_read (meter_id, channel, rate, at, source, raw, scaler);
CREATE INDEX register_read_at ON register_read (meter_id, at DESC);

CREATE TABLE instant_read (
    meter_id     integer NOT NULL,
    at           timestamptz NOT NULL,
    voltage_v    real[] NOT NULL,
    current_a    real[] NOT NULL,
    power_w      real,
    reactive_var real,
    cos_phi      real,
    frequency_hz real,
    received_at  timestamptz NOT NULL,
    poll_id      uuid NOT NULL
);
SELECT create_hypertable('instant_read', 'at', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX instant_read_once ON instant_read (meter_id, at);

CREATE TABLE meter_event (
    meter_id    integer NOT NULL REFERENCES meter,
    at          timestamptz NOT NULL,
    code        text NOT NULL,
    detail      text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    PRIMARY KEY (meter_id, at, code)
);

CREATE TABLE outage (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    station   text REFERENCES station,
    meter_id  integer REFERENCES meter,
    began     timestamptz NOT NULL,
    ended     timestamptz CHECK (ended > began),
    source    text NOT NULL CHECK (source IN ('event', 'silence', 'staff')),
    note      text NOT NULL DEFAULT '',
    CHECK (num_nonnulls(station, meter_id) = 1)
);
