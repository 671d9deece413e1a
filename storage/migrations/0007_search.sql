-- Meters as people look for them: one row for each place where a meter hangs or hung, one for a meter that never did.
-- Looking through one text per place is an order of magnitude quicker than through serials, points and customers apart.
DROP INDEX customer_search;
DROP INDEX meter_search;

CREATE TABLE meter_place (
    meter_id integer NOT NULL REFERENCES meter,
    since    timestamptz NOT NULL,               -- -infinity: it never hung
    serial   text NOT NULL,
    point    text REFERENCES point,
    station  text REFERENCES station,
    customer text REFERENCES customer,
    latest   boolean NOT NULL,                   -- where it hangs, or hung last
    search   text NOT NULL,
    PRIMARY KEY (meter_id, since)
);
CREATE INDEX meter_place_serial ON meter_place (serial, since DESC);
CREATE INDEX meter_place_customer ON meter_place (customer);
CREATE INDEX meter_place_station ON meter_place (station);
CREATE INDEX meter_place_search ON meter_place USING gin (search gin_trgm_ops);

-- Bring the places of these meters (NULL: of all) up to date with the grid; how many changed.
CREATE FUNCTION refresh_meter_places(wanted integer[]) RETURNS bigint LANGUAGE sql AS $$
    WITH place AS MATERIALIZED (
        SELECT m.id AS meter_id, coalesce(i.since, '-infinity') AS since, m.serial, i.point, p.station, p.customer,
            i.since IS NOT DISTINCT FROM max(i.since) OVER (PARTITION BY m.id) AS latest,
            concat_ws(' ', plain(concat_ws(' ', m.serial, m.modem, i.point)), c.search) AS search
        FROM public.meter m
        LEFT JOIN public.installation i ON i.meter_id = m.id
        LEFT JOIN public.point p ON p.code = i.point
        LEFT JOIN public.customer c ON c.code = p.customer
        WHERE wanted IS NULL OR m.id = ANY (wanted)),
    gone AS (
        DELETE FROM public.meter_place old
        WHERE (wanted IS NULL OR old.meter_id = ANY (wanted))
          AND NOT EXISTS (SELECT FROM place WHERE (place.meter_id, place.since) = (old.meter_id, old.since))
        RETURNING 1),
    written AS (
        INSERT INTO public.meter_place AS old (meter_id, since, serial, point, station, customer, latest, search)
        SELECT meter_id, since, serial, point, station, customer, latest, search FROM place ORDER BY meter_id, since
        ON CONFLICT (meter_id, since) DO UPDATE SET serial = excluded.serial, point = excluded.point,
            station = excluded.station, customer = excluded.customer, latest = excluded.latest,
            search = excluded.search
        WHERE (old.serial, old.point, old.station, old.customer, old.latest, old.search) IS DISTINCT FROM
            (excluded.serial, excluded.point, excluded.station, excluded.customer, excluded.latest, excluded.search)
        RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written)
$$;
SELECT refresh_meter_places(NULL);
