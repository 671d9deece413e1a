-- What more decides a bill: tenants, a refused three-rate meter, who buys reactive energy.
ALTER TABLE point_supply
    ADD COLUMN tenants            smallint CHECK (tenants > 0),          -- people, in place of households
    ADD COLUMN undeclared         boolean NOT NULL DEFAULT false,        -- a lease under 12 months
    ADD COLUMN three_rate_refused boolean NOT NULL DEFAULT false,
    ADD COLUMN buys_reactive      boolean,                               -- NULL: as the law says of the next two
    ADD COLUMN contract_kw        numeric CHECK (contract_kw > 0),
    ADD COLUMN transformer_kva    numeric CHECK (transformer_kva > 0),   -- the customer's own
    ADD CONSTRAINT point_supply_tenants CHECK (tenants IS NULL OR NOT undeclared);

CREATE OR REPLACE FUNCTION point_supplies(wanted text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'plan', plan,
                                  'households', households::text, 'voltage_kv', voltage_kv::text,
                                  'one_rate', one_rate, 'tou_schedule', tou_schedule, 'tenants', tenants,
                                  'undeclared', undeclared, 'three_rate_refused', three_rate_refused,
                                  'buys_reactive', buys_reactive, 'contract_kw', contract_kw::text,
                                  'transformer_kva', transformer_kva::text)
                              ORDER BY valid_from), '[]')
    FROM public.point_supply WHERE point = wanted
$$;

-- What somebody said of one period of a point. The last word counts, the words before it stay.
CREATE TABLE point_period (
    point      text NOT NULL REFERENCES point,
    first_day  date NOT NULL,
    end_day    date NOT NULL CHECK (end_day > first_day),     -- no longer in it
    reason     text NOT NULL DEFAULT '' CHECK (reason IN ('', 'regular', 'new_supply', 'change_of_party',
        'termination', 'agreed_new_day', 'force_majeure')),
    households_with_use integer CHECK (households_with_use >= 0),
    retail_other_kwh    bigint CHECK (retail_other_kwh >= 0),
    said_by    text NOT NULL,
    said_at    timestamptz NOT NULL,
    CHECK ((households_with_use IS NULL) = (retail_other_kwh IS NULL)),
    PRIMARY KEY (point, first_day, end_day, said_at)
);

-- The surcharge for reactive energy: an invoice of its own beside the bill, with its own VAT at the bill's rate.
CREATE TABLE bill_reactive (
    bill_id   bigint PRIMARY KEY REFERENCES bill,
    kwh       bigint NOT NULL,
    kvarh     bigint NOT NULL,
    cos_phi   numeric NOT NULL,
    k_percent numeric NOT NULL,
    decision  text NOT NULL,
    subtotal  bigint NOT NULL,
    vat       bigint NOT NULL,
    total     bigint NOT NULL CHECK (total = subtotal + vat)
);
CREATE TABLE bill_reactive_use (
    bill_id    bigint NOT NULL REFERENCES bill_reactive,
    number     smallint NOT NULL,
    serial     text NOT NULL,
    previous   numeric NOT NULL,
    current    numeric NOT NULL,
    multiplier numeric NOT NULL,
    varh       numeric NOT NULL,
    kvarh      bigint NOT NULL,
    status     text NOT NULL DEFAULT '',
    removed    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (bill_id, number)
);

-- The highest half-hour of the period, where all of them are known.
ALTER TABLE bill ADD COLUMN pmax_kw numeric CHECK (pmax_kw >= 0);

-- The surcharge with VAT; NULL: no reactive energy is bought.
ALTER TABLE billing_run_item ADD COLUMN reactive bigint;

-- The surcharge's invoice is another one than its bill's.
ALTER TABLE einvoice
    ADD COLUMN reactive boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT einvoice_pkey,
    ADD PRIMARY KEY (bill_id, reactive);
