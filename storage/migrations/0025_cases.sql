-- What people decide about doubtful readings: cases, their days and steps, and the slots that somebody edited.

-- Every doubt of one cause about one meter: opened once, opened again when it comes again.
CREATE TABLE validation_case (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id    integer NOT NULL REFERENCES meter,
    cause       text NOT NULL,                       -- the kind of the findings
    state       text NOT NULL CHECK (state IN ('open', 'accepted', 'edited', 'reread', 'closed')),
    severity    smallint NOT NULL,                   -- of the loudest day that waits; at the end, of the loudest there was
    opened_at   timestamptz NOT NULL,                -- the last time
    changed_at  timestamptz NOT NULL,
    times       integer NOT NULL DEFAULT 1,          -- how often it was opened
    assigned_to text REFERENCES app_user,
    order_id    bigint REFERENCES remote_order,      -- the re-read that it waits for, or waited for last
    UNIQUE (meter_id, cause),
    CHECK (state <> 'reread' OR order_id IS NOT NULL)
);
CREATE INDEX validation_case_state ON validation_case (state, severity DESC);

-- The days it is about. What was judged once is not asked again while it says the same.
CREATE TABLE case_day (
    case_id  bigint NOT NULL REFERENCES validation_case,
    day      date NOT NULL,
    kind     text NOT NULL,                          -- the case's cause, or what contradicts its edit
    severity smallint NOT NULL,
    detail   jsonb NOT NULL,
    state    text NOT NULL CHECK (state IN ('waits', 'judged', 'cured')),
    PRIMARY KEY (case_id, day, kind)
);
CREATE INDEX case_day_waits ON case_day (day, case_id) WHERE state = 'waits';

-- What happened to it; never changed.
CREATE TABLE case_step (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES validation_case,
    at      timestamptz NOT NULL,
    login   text NOT NULL,                           -- 'ami' where nobody did it
    step    text NOT NULL CHECK (step IN ('opened', 'again', 'accepted', 'edited', 'undone', 'reread', 'answered',
                'unanswered', 'assigned', 'cured')),
    reason  text NOT NULL DEFAULT '',
    detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX case_step_case ON case_step (case_id, id);

-- What somebody decided about slots of a day. A later version counts before an earlier one; taking one back is a
-- version too. What the meter sent stays in profile_block as it was.
CREATE TABLE day_edit (
    meter_id       integer NOT NULL REFERENCES meter,
    channel        smallint NOT NULL,
    day            date NOT NULL,
    version        integer NOT NULL,                 -- 1, 2, … of this meter, channel and day
    kind           text NOT NULL CHECK (kind IN ('values', 'estimate', 'accept', 'undo')),
    undoes         integer,                          -- the version that is taken back
    case_id        bigint REFERENCES validation_case,
    slots          smallint NOT NULL,                -- of the day
    first_slot     smallint NOT NULL CHECK (first_slot >= 0),
    energy         integer[] NOT NULL,               -- the decision, in the unit of the day; of an undo none
    method         smallint[] NOT NULL,              -- how each was made (analytics.vee.methods)
    said_energy    integer[] NOT NULL,               -- what validation had without any edit
    said_quality   bytea NOT NULL,
    before_energy  integer[] NOT NULL,               -- what the day had
    before_quality bytea NOT NULL,
    after_energy   integer[] NOT NULL,               -- what it had then
    after_quality  bytea NOT NULL,
    reason         text NOT NULL CHECK (reason <> ''),
    login          text NOT NULL REFERENCES app_user,
    at             timestamptz NOT NULL,
    PRIMARY KEY (meter_id, channel, day, version),
    FOREIGN KEY (meter_id, channel, day, undoes) REFERENCES day_edit,
    CHECK ((kind = 'undo') = (undoes IS NOT NULL) AND undoes < version),
    CHECK (cardinality(energy) = CASE kind WHEN 'undo' THEN 0 ELSE cardinality(said_energy) END),
    CHECK (cardinality(method) = cardinality(energy) AND cardinality(said_energy) > 0),
    CHECK (cardinality(said_energy) = length(said_quality)
        AND cardinality(before_energy) = cardinality(said_energy) AND length(before_quality) = length(said_quality)
        AND cardinality(after_energy) = cardinality(said_energy) AND length(after_quality) = length(said_quality)),
    CHECK (first_slot + cardinality(said_energy) <= slots)
);

-- What stood before there were cases waits too.
INSERT INTO validation_case (meter_id, cause, state, severity, opened_at, changed_at)
SELECT meter_id, kind, 'open', max(severity), now(), now() FROM finding WHERE severity >= 2 GROUP BY meter_id, kind;
INSERT INTO case_day (case_id, day, kind, severity, detail, state)
SELECT c.id, f.day, f.kind, f.severity, f.detail, 'waits'
FROM finding f JOIN validation_case c ON c.meter_id = f.meter_id AND c.cause = f.kind WHERE f.severity >= 2;
INSERT INTO case_step (case_id, at, login, step) SELECT id, opened_at, 'ami', 'opened' FROM validation_case;
