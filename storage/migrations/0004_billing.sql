CREATE TABLE closing_index (
    point    text NOT NULL REFERENCES point,
    meter_id integer NOT NULL REFERENCES meter,
    channel  smallint NOT NULL,
    rate     smallint NOT NULL,
    at       timestamptz NOT NULL,
    raw      bigint NOT NULL,
    scaler   smallint NOT NULL,
    status   text NOT NULL DEFAULT '',
    closed_at timestamptz NOT NULL,
    PRIMARY KEY (meter_id, channel, rate, at)
);
CREATE INDEX closing_index_point ON closing_index (point, at);

CREATE TABLE bill (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    point        text NOT NULL REFERENCES point,
    customer     text NOT NULL REFERENCES customer,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    invoice_date date NOT NULL,
    plan         text NOT NULL,
    decisions    text[] NOT NULL,
    kwh          bigint NOT NULL,
    wh           numeric NOT NULL,
    subtotal     bigint NOT NULL,
    vat_percent  numeric NOT NULL,
    vat          bigint NOT NULL,
    total        bigint NOT NULL,
    issued_at    timestamptz NOT NULL,
    UNIQUE (point, from_at, to_at),
    CHECK (total = subtotal + vat)
);
CREATE INDEX bill_customer ON bill (customer, to_at DESC);
CREATE INDEX bill_to ON bill (to_at DESC);

CREATE TABLE bill_line (
    bill_id bigint NOT NULL REFERENCES bill,
    number  smallint NOT NULL,
    label   text NOT NULL,
    kwh     bigint NOT NULL,
    price   bigint NOT NULL,
    amount  bigint NOT NULL,
    PRIMARY KEY (bill_id, number)
);

CREATE TABLE bill_use (
    bill_id    bigint NOT NULL REFERENCES bill,
    number     smallint NOT NULL,
    serial     text NOT NULL,
    rate       smallint NOT NULL,
    previous   numeric NOT NULL,
    current    numeric NOT NULL,
    multiplier numeric NOT NULL,
    wh         numeric NOT NULL,
    kwh        bigint NOT NULL,
    status     text NOT NULL DEFAULT '',
    removed    boolean NOT NULL DEFAULT false,
    carried_wh numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (bill_id, number)
);

-- A bill that is not issued, and why; it goes when the bill comes.
CREATE TABLE bill_hold (
    point    text NOT NULL REFERENCES point,
    customer text NOT NULL REFERENCES customer,
    meter_id integer NOT NULL REFERENCES meter,
    from_at  timestamptz NOT NULL,
    to_at    timestamptz NOT NULL,
    kind     text NOT NULL,
    reason   text NOT NULL,
    held_at  timestamptz NOT NULL,
    PRIMARY KEY (point, from_at, to_at)
);

CREATE TABLE alert (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL,
    meter_id  integer NOT NULL REFERENCES meter,
    severity  smallint NOT NULL,
    since     timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    seen_at   timestamptz NOT NULL,          -- last time the rule still held
    state     text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'closed')),
    evidence  jsonb NOT NULL DEFAULT '{}',
    acknowledged_by text,
    acknowledged_at timestamptz,
    UNIQUE (kind, meter_id, since),
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CREATE INDEX alert_meter ON alert (meter_id) WHERE state <> 'closed';
CREATE INDEX alert_open ON alert (state, severity DESC, since DESC);
