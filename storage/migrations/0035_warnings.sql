-- What customers want to use at most. The last word for a span counts, the words before it stay.
CREATE TABLE usage_limit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    point    text NOT NULL REFERENCES point,
    customer text NOT NULL REFERENCES customer,
    span     text NOT NULL CHECK (span IN ('day', 'month')),
    unit     text NOT NULL CHECK (unit IN ('kwh', 'dong')),
    value    bigint CHECK (value > 0),          -- Wh, or đồng with VAT; NULL: no limit any more
    set_by   text NOT NULL,
    set_at   timestamptz NOT NULL
);
CREATE INDEX usage_limit_point ON usage_limit (point, customer, span, id DESC);

-- What a customer was told of their own use: once for a kind, a period and the limit that was passed (0: none).
CREATE TABLE use_warning (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    point     text NOT NULL REFERENCES point,
    customer  text NOT NULL REFERENCES customer,
    meter_id  integer NOT NULL REFERENCES meter,
    kind      text NOT NULL,
    period    date NOT NULL,
    about     bigint NOT NULL DEFAULT 0,
    first_day date NOT NULL,
    last_day  date NOT NULL CHECK (last_day >= first_day),
    evidence  jsonb NOT NULL DEFAULT '{}',
    told_at   timestamptz NOT NULL,
    read_at   timestamptz,
    UNIQUE (point, customer, kind, period, about)
);
CREATE INDEX use_warning_customer ON use_warning (customer, told_at DESC);

-- Meters whose customers' use is to be looked at, from `after` on.
CREATE TABLE warning_due (
    meter_id integer PRIMARY KEY REFERENCES meter,
    since    timestamptz NOT NULL,
    after    timestamptz NOT NULL
);
CREATE INDEX warning_due_after ON warning_due (after);
