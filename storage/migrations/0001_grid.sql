-- The grid and the people on it: what the office knows.
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Search without diacritics: "nguyen" finds "Nguyễn", "dien" finds "Điện", however the keyboard composed them.
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT lower(public.unaccent('public.unaccent', normalize($1, NFC))) $$;

CREATE TABLE station (
    code text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE feeder (
    code    text PRIMARY KEY,
    name    text NOT NULL,
    station text NOT NULL REFERENCES station
);

CREATE TABLE reading_book (
    code        text PRIMARY KEY,
    name        text NOT NULL,
    reading_day smallint NOT NULL DEFAULT 1 CHECK (reading_day BETWEEN 1 AND 28)
);

CREATE TABLE customer (
    code    text PRIMARY KEY,
    name    text NOT NULL,
    address text NOT NULL DEFAULT '',
    phone   text NOT NULL DEFAULT '',
    email   text NOT NULL DEFAULT '',
    book    text NOT NULL REFERENCES reading_book,
    search  text GENERATED ALWAYS AS (plain(code || ' ' || name || ' ' || address)) STORED
);
CREATE INDEX customer_book ON customer (book);
CREATE INDEX customer_search ON customer USING gin (search gin_trgm_ops);

CREATE TABLE modem (
    code         text PRIMARY KEY,
    link         text NOT NULL CHECK (link IN ('dial_out', 'dial_in')),
    dialect      text NOT NULL DEFAULT 'transparent',
    host         text NOT NULL DEFAULT '',
    port         integer NOT NULL DEFAULT 0,
    registration text NOT NULL DEFAULT '',
    last_contact timestamptz
);
CREATE UNIQUE INDEX modem_registration ON modem (registration) WHERE registration <> '';

CREATE TABLE meter (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial  text NOT NULL UNIQUE,
    model   text NOT NULL,
    modem   text NOT NULL REFERENCES modem,
    address integer NOT NULL DEFAULT 1,
    digits  smallint
);
CREATE INDEX meter_modem ON meter (modem);
CREATE INDEX meter_search ON meter USING gin (plain(serial) gin_trgm_ops);

-- Wrapped under a key that lives outside the database (RFC 5649).
CREATE TABLE meter_secret (
    meter_id integer NOT NULL REFERENCES meter,
    kind     text NOT NULL,
    wrapped  bytea NOT NULL,
    PRIMARY KEY (meter_id, kind)
);

CREATE TABLE point (
    code     text PRIMARY KEY,
    role     text NOT NULL CHECK (role IN ('customer', 'station_head')),
    station  text NOT NULL REFERENCES station,
    feeder   text REFERENCES feeder,
    customer text REFERENCES customer,
    CHECK ((role = 'customer') = (customer IS NOT NULL))
);
CREATE INDEX point_customer ON point (customer);
CREATE INDEX point_station ON point (station);

CREATE TABLE point_multiplier (
    point      text NOT NULL REFERENCES point,
    valid_from timestamptz NOT NULL,
    value      numeric NOT NULL CHECK (value > 0),
    PRIMARY KEY (point, valid_from)
);

CREATE TABLE point_supply (
    point        text NOT NULL REFERENCES point,
    valid_from   date NOT NULL,
    plan         text NOT NULL,
    households   numeric NOT NULL DEFAULT 1,
    voltage_kv   numeric NOT NULL DEFAULT 0.4,
    one_rate     boolean NOT NULL DEFAULT true,
    tou_schedule text NOT NULL,
    PRIMARY KEY (point, valid_from)
);

-- A point's multipliers and supplies in the model's JSON form, the oldest first.
CREATE FUNCTION point_multipliers(wanted text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'value', value::text)
                              ORDER BY valid_from), '[]')
    FROM public.point_multiplier WHERE point = wanted
$$;

CREATE FUNCTION point_supplies(wanted text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'plan', plan,
                                  'households', households::text, 'voltage_kv', voltage_kv::text,
                                  'one_rate', one_rate, 'tou_schedule', tou_schedule)
                              ORDER BY valid_from), '[]')
    FROM public.point_supply WHERE point = wanted
$$;

CREATE TABLE installation (
    point       text NOT NULL REFERENCES point,
    meter_id    integer NOT NULL REFERENCES meter,
    since       timestamptz NOT NULL,
    until       timestamptz CHECK (until > since),
    first_index jsonb NOT NULL DEFAULT '{}',
    last_index  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (meter_id, since),
    -- A meter hangs at one place at a time, and a place has one meter. Checked at the end of a statement, for a
    -- swap changes two rows at once.
    CONSTRAINT installation_one_place EXCLUDE USING gist (meter_id WITH =, tstzrange(since, until) WITH &&)
        DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT installation_one_meter EXCLUDE USING gist (point WITH =, tstzrange(since, until) WITH &&)
        DEFERRABLE INITIALLY IMMEDIATE
);
