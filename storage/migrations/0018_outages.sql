-- Outages of which only one side is known, who said so, and what was taken back.
ALTER TABLE outage ALTER COLUMN began DROP NOT NULL;
ALTER TABLE outage ADD COLUMN told_by text NOT NULL DEFAULT '';          -- a login; empty: the office's job
ALTER TABLE outage ADD COLUMN told_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE outage ADD COLUMN withdrawn_at timestamptz;                  -- it was none after all
ALTER TABLE outage ADD CONSTRAINT outage_has_a_side CHECK (num_nonnulls(began, ended) > 0);
ALTER TABLE outage ADD CONSTRAINT outage_staff_is_somebody CHECK ((source = 'staff') = (told_by <> ''));
CREATE INDEX outage_station ON outage (station, began) WHERE station IS NOT NULL;
CREATE INDEX outage_meter ON outage (meter_id, began) WHERE meter_id IS NOT NULL;
-- What meters said, told again, is the same outage; a station is silent once at a time.
CREATE UNIQUE INDEX outage_event_once ON outage (coalesce(station, ''), coalesce(meter_id, 0), coalesce(began, ended))
    WHERE source = 'event';
CREATE UNIQUE INDEX outage_silence_once ON outage (station) WHERE source = 'silence' AND ended IS NULL;
CREATE INDEX meter_event_power ON meter_event (at) WHERE code IN ('power_off', 'power_on');
