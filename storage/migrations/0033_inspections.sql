-- How abnormal each validated day of a meter looked, which model said so, whom there is reason to visit, and what was
-- found there.

-- What was learned: a file of arrays (analytics.abnormal.score), never changed. One is in force; older ones stay.
CREATE TABLE score_model (
    version    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learned_at timestamptz NOT NULL,
    login      text NOT NULL,                        -- who asked for it; 'ami': the calendar
    meters     integer NOT NULL,                     -- learned from
    days       integer NOT NULL,
    judged     integer NOT NULL DEFAULT 0,           -- days about which an inspection had said what they were
    figures    jsonb NOT NULL DEFAULT '{}',
    content    bytea NOT NULL,
    in_force   boolean NOT NULL
);
CREATE UNIQUE INDEX score_model_in_force ON score_model (in_force) WHERE in_force;

-- Which whole days of a meter say what is usual of it. They stand still while it is under suspicion.
CREATE TABLE score_reference (
    meter_id integer PRIMARY KEY REFERENCES meter,
    first    date NOT NULL,
    until    date NOT NULL CHECK (until > first),    -- without it
    days     integer NOT NULL,                       -- whole ones
    figures  bytea NOT NULL,                         -- middle, spread and household of analytics.abnormal.Reference
    made_at  timestamptz NOT NULL
);

-- A day's score. `day_at` and `version` are those of the profile_day that was looked at: another one is scored anew.
CREATE TABLE day_score (
    meter_id integer NOT NULL,
    day      date NOT NULL,
    model    integer NOT NULL,
    logit    real,                                   -- NULL: the day is not whole
    day_at   timestamptz NOT NULL,
    version  integer NOT NULL
);
SELECT create_hypertable('day_score', 'day', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX day_score_once ON day_score (meter_id, day);

-- How far each station was looked through.
CREATE TABLE station_night (
    station    text PRIMARY KEY REFERENCES station,
    through    date NOT NULL,                        -- the last day that was looked at
    at         timestamptz NOT NULL,
    customers  integer NOT NULL,                     -- meters of customers
    scored     integer NOT NULL,                     -- of them with a score within the days looked at
    young      integer NOT NULL,                     -- of them with too few whole days to say what is usual
    head       boolean NOT NULL                      -- whether a head meter was there to compare with
);

-- Who stood out when a station was last looked through. Most are never visited.
CREATE TABLE suspicion (
    meter_id  integer PRIMARY KEY REFERENCES meter,
    station   text NOT NULL REFERENCES station,
    point     text NOT NULL REFERENCES point,
    night     date NOT NULL,                         -- the last day that was looked at
    strength  real NOT NULL,
    since     date NOT NULL,
    clues     jsonb NOT NULL,
    kwh_a_day real,                                  -- thought to be used and not counted
    benign    jsonb,                                 -- what else would explain it
    evidence  jsonb NOT NULL
);
CREATE INDEX suspicion_station ON suspicion (station);

-- A meter that somebody is to look at on site.
CREATE TABLE inspection (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id    integer NOT NULL REFERENCES meter,
    station     text NOT NULL REFERENCES station,
    point       text NOT NULL REFERENCES point,
    customer    text REFERENCES customer,            -- whose point it was when it was opened
    state       text NOT NULL CHECK (state IN ('new', 'assigned', 'inspected', 'confirmed', 'false', 'faded')),
    severity    smallint NOT NULL,
    strength    real NOT NULL,
    since       date NOT NULL,                       -- when it seems to have begun
    opened_on   date NOT NULL,                       -- the last day that was looked at when it was opened
    opened_at   timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    seen_on     date NOT NULL,                       -- the last day that still said so
    assigned_to text REFERENCES app_user,
    clues       jsonb NOT NULL,
    kwh_a_day   real,
    stake       bigint,                              -- đồng from `since` to `seen_on`; NULL: no price is known
    benign      jsonb,
    evidence    jsonb NOT NULL,
    model       integer REFERENCES score_model,      -- whose scores it went by
    found_since date,                                -- of a confirmed one: since when, as found on site
    CHECK ((state IN ('assigned', 'inspected')) <= (assigned_to IS NOT NULL)),
    CHECK (found_since IS NULL OR state = 'confirmed')
);
CREATE UNIQUE INDEX inspection_open ON inspection (meter_id) WHERE state IN ('new', 'assigned', 'inspected');
CREATE INDEX inspection_state ON inspection (state, severity DESC, stake DESC);
CREATE INDEX inspection_meter ON inspection (meter_id, id);

CREATE FUNCTION inspection_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.meter_id, NEW.station, NEW.point, NEW.opened_on, NEW.opened_at)
        IS DISTINCT FROM (OLD.id, OLD.meter_id, OLD.station, OLD.point, OLD.opened_on, OLD.opened_at)
    THEN
        RAISE EXCEPTION 'what inspection % was opened about does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('confirmed', 'false', 'faded') AND NEW IS DISTINCT FROM OLD
        OR NEW.state <> OLD.state AND (OLD.state || ' ' || NEW.state) <> ALL (ARRAY[
            'new assigned', 'new faded', 'assigned new', 'assigned inspected', 'inspected confirmed',
            'inspected false'])
    THEN
        RAISE EXCEPTION 'inspection % is %, it cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inspection_goes_its_way BEFORE UPDATE ON inspection
    FOR EACH ROW EXECUTE FUNCTION inspection_moves();

-- What happened to it; never changed.
CREATE TABLE inspection_step (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inspection_id bigint NOT NULL REFERENCES inspection,
    at            timestamptz NOT NULL,
    login         text NOT NULL,                     -- 'ami' where nobody did it
    step          text NOT NULL CHECK (step IN ('opened', 'louder', 'assigned', 'returned', 'visited', 'confirmed',
                      'dismissed', 'faded')),
    reason        text NOT NULL DEFAULT '',
    detail        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX inspection_step_inspection ON inspection_step (inspection_id, id);

-- A night's new inspections, within what the knob allows.
CREATE TABLE inspection_round (
    night     date PRIMARY KEY,                      -- the last day that was looked at
    at        timestamptz NOT NULL,
    meters    integer NOT NULL,                      -- of customers, that were looked at
    per_1000  real NOT NULL,                         -- the knob: alerts per 1,000 meters and day
    allowance real NOT NULL,                         -- what was left of it until that night
    suspected integer NOT NULL,
    opened    integer NOT NULL,
    held      integer NOT NULL,                      -- open ones that still stand out
    faded     integer NOT NULL,
    model     integer REFERENCES score_model
);
