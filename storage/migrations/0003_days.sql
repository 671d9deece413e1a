-- What we made of it: versioned, replaced only when it differs.
CREATE TABLE profile_day (
    meter_id    integer NOT NULL,
    channel     smallint NOT NULL,
    day         date NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    interval_s  integer NOT NULL,
    scaler      smallint NOT NULL,
    unit        smallint NOT NULL,
    energy      integer[] NOT NULL,
    quality     bytea NOT NULL,
    computed_at timestamptz NOT NULL,
    CHECK (cardinality(energy) = length(quality))
);
SELECT create_hypertable('profile_day', 'day', chunk_time_interval => INTERVAL '60 days', create_default_indexes => false);
CREATE UNIQUE INDEX profile_day_once ON profile_day (meter_id, channel, day);

-- Whether a later version of a day only fills slots that were missing: then nothing was superseded.
CREATE FUNCTION day_extends(old_energy integer[], old_quality bytea, new_energy integer[], new_quality bytea)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(old_quality) = length(new_quality) AND NOT EXISTS (
        SELECT FROM generate_series(1, length(old_quality)) AS i
        WHERE get_byte(old_quality, i - 1) <> 0
          AND (get_byte(old_quality, i - 1) <> get_byte(new_quality, i - 1) OR old_energy[i] <> new_energy[i]))
$$;

-- How many slots of a day bear one of the qualities, given as digits ('167') without 0. Qualities stay below 16, so
-- that each slot is two hexadecimal digits, the first of them 0.
CREATE FUNCTION slots_of(quality bytea, digits text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(encode(quality, 'hex')) - length(translate(encode(quality, 'hex'), digits, ''))
$$;

-- Days a person or a later reading superseded.
CREATE TABLE profile_day_past (LIKE profile_day);
CREATE UNIQUE INDEX profile_day_past_once ON profile_day_past (meter_id, channel, day, version);

-- Every slot as a row, for people who want rows. A missing slot has no energy.
CREATE VIEW interval_reading AS
SELECT m.serial AS meter,
       d.channel,
       (d.day::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh') + (s.slot - 1) * make_interval(secs => d.interval_s) AS at,
       CASE WHEN get_byte(d.quality, s.slot::integer - 1) = 0 THEN NULL
            ELSE s.energy * power(10::numeric, d.scaler) / 1000 END AS kwh,
       get_byte(d.quality, s.slot::integer - 1) AS quality,
       d.day                                        -- the way to ask for few days: `at` alone reads them all
FROM profile_day d
JOIN meter m ON m.id = d.meter_id
CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY AS s (energy, slot);

CREATE TABLE finding (
    meter_id integer NOT NULL REFERENCES meter,
    day      date NOT NULL,
    kind     text NOT NULL,
    severity smallint NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}',
    origin   text NOT NULL CHECK (origin IN ('evidence', 'validation')),  -- validating a day again replaces its own
    PRIMARY KEY (meter_id, day, kind)
);

-- How far a meter's evidence has been validated: what arrives later makes its days due again.
CREATE TABLE validation_due (
    meter_id integer NOT NULL REFERENCES meter,
    day      date NOT NULL,
    since    timestamptz NOT NULL,      -- the server's clock: what arrives while a day is validated moves it
    PRIMARY KEY (meter_id, day)
);
