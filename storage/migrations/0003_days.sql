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
       get_byte(d.quality, s.slot::integer - 1) AS quality
FROM profile_day d
JOIN meter m ON m.id = d.meter_id
CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY AS s (energy, slot);

CREATE TABLE finding (
    meter_id integer NOT NULL REFERENCES meter,
    day      date NOT NULL,
    kind     text NOT NULL,
    severity smallint NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (meter_id, day, kind)
);

-- How far a meter's evidence has been validated: what arrives later makes its days due again.
CREATE TABLE validation_due (
    meter_id integer NOT NULL REFERENCES meter,
    day      date NOT NULL,
    since    timestamptz NOT NULL,
    PRIMARY KEY (meter_id, day)
);
