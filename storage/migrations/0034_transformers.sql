-- What feeds a station, from a day on: its load is judged by it, and its loss is told from others.
CREATE TABLE station_transformer (
    station      text NOT NULL REFERENCES station,
    valid_from   date NOT NULL,
    kva          numeric NOT NULL CHECK (kva > 0),
    no_load_w    numeric CHECK (no_load_w >= 0),
    load_w       numeric CHECK (load_w >= 0),                                  -- at the rated load
    line_percent numeric CHECK (line_percent >= 0 AND line_percent < 100),     -- of the rated power
    head_behind  boolean NOT NULL DEFAULT false,                               -- its loss passes no head meter
    PRIMARY KEY (station, valid_from)
);

-- A station's transformers in the model's JSON form, the oldest first.
CREATE FUNCTION station_transformers(wanted text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'kva', kva::text,
                                  'no_load_w', no_load_w::text, 'load_w', load_w::text,
                                  'line_percent', line_percent::text, 'head_behind', head_behind)
                              ORDER BY valid_from), '[]')
    FROM public.station_transformer WHERE station = wanted
$$;
