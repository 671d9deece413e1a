-- What inspections ask besides energy: how each phase was loaded by day, and when somebody said to be away.

-- Means of the instants read on a local day, of meters of three phases, secondary side.
CREATE TABLE instant_day (
    meter_id  integer NOT NULL,
    day       date NOT NULL,
    reads     integer NOT NULL,
    voltage_v real[] NOT NULL,
    current_a real[] NOT NULL
);
SELECT create_hypertable('instant_day', 'day', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX instant_day_once ON instant_day (meter_id, day);

-- What a customer told of being away: a fall of use then is no reason to come.
CREATE TABLE told_absence (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    point        text NOT NULL REFERENCES point,
    first        date NOT NULL,
    last         date NOT NULL CHECK (last >= first),
    note         text NOT NULL DEFAULT '',
    login        text NOT NULL,
    at           timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE INDEX told_absence_point ON told_absence (point, first);
