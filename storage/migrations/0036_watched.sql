-- What the rules have not looked at yet: a mark for every time something came. Written beside it, taken away by the look
-- that saw it; marks are only added, so that no writer waits for another.
CREATE TABLE watch_due (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id integer NOT NULL REFERENCES meter,
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    soon     boolean NOT NULL                        -- a day or an event; voltages and currents wait for their hour
);
CREATE INDEX watch_due_meter ON watch_due (meter_id, since);

-- When the rules last looked at a meter.
CREATE TABLE watched (
    meter_id  integer PRIMARY KEY REFERENCES meter,
    looked_at timestamptz NOT NULL
);

-- When a station's loss of a month was last looked at.
CREATE TABLE watched_station (
    station   text PRIMARY KEY REFERENCES station,
    month     date NOT NULL,
    looked_at timestamptz NOT NULL
);
