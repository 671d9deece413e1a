CREATE EXTENSION btree_gist;

CREATE EXTENSION pg_trgm;

CREATE EXTENSION timescaledb;

CREATE EXTENSION unaccent;

CREATE OR REPLACE FUNCTION public.billing_run_moves()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF (NEW.id, NEW.from_at, NEW.to_at, NEW.invoice_date, NEW.book, NEW.at_once)
        IS DISTINCT FROM (OLD.id, OLD.from_at, OLD.to_at, OLD.invoice_date, OLD.book, OLD.at_once)
        OR (OLD.state <> 'draft' AND NEW.state <> 'draft'
            AND (NEW.drafted_by, NEW.drafted_at) IS DISTINCT FROM (OLD.drafted_by, OLD.drafted_at))
        OR (OLD.approved_at IS NOT NULL AND (NEW.approved_by, NEW.approved_at, NEW.indices_sha256,
            NEW.bills_sha256) IS DISTINCT FROM (OLD.approved_by, OLD.approved_at, OLD.indices_sha256,
            OLD.bills_sha256))
    THEN
        RAISE EXCEPTION 'what billing run % was drafted or approved as does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state || ' ' || NEW.state) <> ALL (ARRAY[
        'draft checked', 'draft withdrawn', 'checked draft', 'checked approved', 'checked withdrawn',
        'approved issued', 'approved withdrawn'])
    THEN
        RAISE EXCEPTION 'billing run % is %, it cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.day_extends(old_energy integer[], old_quality bytea, new_energy integer[], new_quality bytea)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT length(old_quality) = length(new_quality) AND NOT EXISTS (
        SELECT FROM generate_series(1, length(old_quality)) AS i
        WHERE get_byte(old_quality, i - 1) <> 0
          AND (get_byte(old_quality, i - 1) <> get_byte(new_quality, i - 1) OR old_energy[i] <> new_energy[i]))
$function$;

CREATE OR REPLACE FUNCTION public.inspection_moves()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF (NEW.id, NEW.meter_id, NEW.station, NEW.point, NEW.opened_on, NEW.opened_at)
        IS DISTINCT FROM (OLD.id, OLD.meter_id, OLD.station, OLD.point, OLD.opened_on, OLD.opened_at)
    THEN
        RAISE EXCEPTION 'what inspection % was opened about does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('confirmed', 'false', 'faded') AND NEW IS DISTINCT FROM OLD
        OR NEW.state <> OLD.state AND (OLD.state || ' ' || NEW.state) <> ALL (ARRAY[
            'new assigned', 'new faded', 'assigned new', 'assigned inspected', 'inspected confirmed',
            'inspected false'])
    THEN
        RAISE EXCEPTION 'inspection % is %, it cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.number_modem()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.number := (SELECT coalesce(max(number), 0) + 1 FROM modem);
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.plain(text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ SELECT lower(public.unaccent('public.unaccent', normalize($1, NFC))) $function$;

CREATE OR REPLACE FUNCTION public.point_multipliers(wanted text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'value', value::text)
                              ORDER BY valid_from), '[]')
    FROM public.point_multiplier WHERE point = wanted
$function$;

CREATE OR REPLACE FUNCTION public.point_supplies(wanted text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'plan', plan,
                                  'households', households::text, 'voltage_kv', voltage_kv::text,
                                  'one_rate', one_rate, 'tou_schedule', tou_schedule, 'tenants', tenants,
                                  'undeclared', undeclared, 'three_rate_refused', three_rate_refused,
                                  'buys_reactive', buys_reactive, 'contract_kw', contract_kw::text,
                                  'transformer_kva', transformer_kva::text)
                              ORDER BY valid_from), '[]')
    FROM public.point_supply WHERE point = wanted
$function$;

CREATE OR REPLACE FUNCTION public.refresh_meter_places(wanted integer[])
 RETURNS bigint
 LANGUAGE sql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.remote_order_moves()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- two_persons is not reckoned yet; that an order of two persons begins as requested, a check sees to.
        IF NEW.state NOT IN ('requested', 'approved') OR NEW.approved_by IS NOT NULL THEN
            RAISE EXCEPTION 'an order does not begin as %', NEW.state USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.meter_id, NEW.kind, NEW.parameters, NEW.reason, NEW.requested_by, NEW.requested_at,
            NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.meter_id, OLD.kind, OLD.parameters, OLD.reason, OLD.requested_by,
            OLD.requested_at, OLD.expires_at)
        OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by)
        OR (OLD.sent_at IS NOT NULL AND (NEW.sent_at, NEW.claimed_at, NEW.epoch, NEW.node)
            IS DISTINCT FROM (OLD.sent_at, OLD.claimed_at, OLD.epoch, OLD.node))
    THEN
        RAISE EXCEPTION 'what order % was placed, approved or sent as does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state || ' ' || NEW.state) <> ALL (ARRAY[
        'requested approved', 'requested cancelled', 'requested expired',
        'approved sent', 'approved refused', 'approved cancelled', 'approved expired',
        'sent done', 'sent failed', 'sent refused', 'sent unknown',
        'unknown done', 'unknown failed'])
    THEN
        RAISE EXCEPTION 'order % is %, it cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.slots_of(quality bytea, digits text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT length(encode(quality, 'hex')) - length(translate(encode(quality, 'hex'), digits, ''))
$function$;

CREATE OR REPLACE FUNCTION public.station_transformers(wanted text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', valid_from, 'kva', kva::text,
                                  'no_load_w', no_load_w::text, 'load_w', load_w::text,
                                  'line_percent', line_percent::text, 'head_behind', head_behind)
                              ORDER BY valid_from), '[]')
    FROM public.station_transformer WHERE station = wanted
$function$;

CREATE TABLE alert (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    kind text NOT NULL,
    meter_id integer NOT NULL,
    severity smallint NOT NULL,
    since timestamp with time zone NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamp with time zone,
    CONSTRAINT alert_kind_meter_id_since_key UNIQUE (kind, meter_id, since),
    CONSTRAINT alert_pkey PRIMARY KEY (id),
    CONSTRAINT alert_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT alert_check CHECK (((acknowledged_by IS NULL) = (acknowledged_at IS NULL))),
    CONSTRAINT alert_state_check CHECK ((state = ANY (ARRAY['open'::text, 'acknowledged'::text, 'closed'::text])))
);
CREATE INDEX alert_meter ON public.alert USING btree (meter_id) WHERE (state <> 'closed'::text);
CREATE INDEX alert_open ON public.alert USING btree (state, severity DESC, since DESC);

CREATE TABLE answer (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    poll_id uuid NOT NULL,
    item text NOT NULL,
    asked_from timestamp with time zone,
    asked_to timestamp with time zone,
    complete boolean NOT NULL,
    received_at timestamp with time zone NOT NULL,
    digest bytea NOT NULL,
    raw bytea COMPRESSION lz4 NOT NULL,
    CONSTRAINT answer_pkey PRIMARY KEY (id),
    CONSTRAINT answer_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);
CREATE UNIQUE INDEX answer_once ON public.answer USING btree (meter_id, item, asked_from, asked_to, digest) NULLS NOT DISTINCT;

CREATE TABLE answered (
    meter_id integer NOT NULL,
    item text NOT NULL,
    spans tstzmultirange NOT NULL,
    CONSTRAINT answered_pkey PRIMARY KEY (meter_id, item),
    CONSTRAINT answered_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);

CREATE TABLE app_session (
    token_hash bytea NOT NULL,
    login text NOT NULL,
    csrf text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT app_session_pkey PRIMARY KEY (token_hash),
    CONSTRAINT app_session_login_fkey FOREIGN KEY (login) REFERENCES app_user(login) ON DELETE CASCADE
);

CREATE TABLE app_user (
    login text NOT NULL,
    role text NOT NULL,
    customer text,
    password_hash text NOT NULL,
    language text DEFAULT 'vi'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    disabled boolean DEFAULT false NOT NULL,
    CONSTRAINT app_user_pkey PRIMARY KEY (login),
    CONSTRAINT app_user_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT app_user_check CHECK (((role = 'customer'::text) = (customer IS NOT NULL))),
    CONSTRAINT app_user_role_check CHECK ((role = ANY (ARRAY['engineer'::text, 'billing'::text, 'customer'::text])))
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    at timestamp with time zone NOT NULL,
    login text NOT NULL,
    action text NOT NULL,
    object text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_at ON public.audit USING btree (at DESC);

CREATE TABLE bill (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    point text NOT NULL,
    customer text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    invoice_date date NOT NULL,
    plan text NOT NULL,
    decisions text[] NOT NULL,
    kwh bigint NOT NULL,
    wh numeric NOT NULL,
    subtotal bigint NOT NULL,
    vat_percent numeric NOT NULL,
    vat bigint NOT NULL,
    total bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    run_id bigint,
    corrects bigint,
    correction text,
    correction_reason text DEFAULT ''::text NOT NULL,
    rated_on date,
    pmax_kw numeric,
    CONSTRAINT bill_pkey PRIMARY KEY (id),
    CONSTRAINT bill_corrects_fkey FOREIGN KEY (corrects) REFERENCES bill(id),
    CONSTRAINT bill_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT bill_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT bill_run_id_fkey FOREIGN KEY (run_id) REFERENCES billing_run(id),
    CONSTRAINT bill_check CHECK ((total = (subtotal + vat))),
    CONSTRAINT bill_correction CHECK ((((corrects IS NULL) = (correction IS NULL)) AND ((corrects IS NULL) = (correction_reason = ''::text)) AND ((corrects IS NULL) = (rated_on IS NULL)))),
    CONSTRAINT bill_correction_check CHECK ((correction = ANY (ARRAY['adjusts'::text, 'replaces'::text]))),
    CONSTRAINT bill_pmax_kw_check CHECK ((pmax_kw >= (0)::numeric))
);
CREATE INDEX bill_corrects ON public.bill USING btree (corrects) WHERE (corrects IS NOT NULL);
CREATE INDEX bill_customer ON public.bill USING btree (customer, to_at DESC);
CREATE UNIQUE INDEX bill_first ON public.bill USING btree (point, from_at, to_at) WHERE (corrects IS NULL);
CREATE INDEX bill_point ON public.bill USING btree (point, from_at) WHERE (corrects IS NOT NULL);
CREATE UNIQUE INDEX bill_replaced ON public.bill USING btree (corrects) WHERE (correction = 'replaces'::text);
CREATE INDEX bill_run ON public.bill USING btree (run_id);
CREATE INDEX bill_to ON public.bill USING btree (to_at DESC);

CREATE TABLE bill_correction (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    bill_id bigint NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    indices jsonb DEFAULT '[]'::jsonb NOT NULL,
    invoice_date date NOT NULL,
    total_before bigint NOT NULL,
    total_after bigint NOT NULL,
    digest bytea NOT NULL,
    state text DEFAULT 'ordered'::text NOT NULL,
    ordered_by text NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    approved_by text,
    approved_at timestamp with time zone,
    issued_bill bigint,
    together bigint,
    CONSTRAINT bill_correction_pkey PRIMARY KEY (id),
    CONSTRAINT bill_correction_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill(id),
    CONSTRAINT bill_correction_issued_bill_fkey FOREIGN KEY (issued_bill) REFERENCES bill(id),
    CONSTRAINT bill_correction_together_fkey FOREIGN KEY (together) REFERENCES bill_correction(id),
    CONSTRAINT bill_correction_check1 CHECK ((approved_by <> ordered_by)),
    CONSTRAINT bill_correction_check2 CHECK (((state = 'issued'::text) = ((issued_bill IS NOT NULL) AND (approved_by IS NOT NULL)))),
    CONSTRAINT bill_correction_kind_check CHECK ((kind = ANY (ARRAY['adjusts'::text, 'replaces'::text]))),
    CONSTRAINT bill_correction_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT bill_correction_state_check CHECK ((state = ANY (ARRAY['ordered'::text, 'issued'::text, 'withdrawn'::text])))
);
CREATE UNIQUE INDEX bill_correction_open ON public.bill_correction USING btree (bill_id) WHERE (state = 'ordered'::text);
CREATE INDEX bill_correction_together ON public.bill_correction USING btree (together) WHERE (together IS NOT NULL);

CREATE TABLE bill_hold (
    point text NOT NULL,
    customer text NOT NULL,
    meter_id integer,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    held_at timestamp with time zone NOT NULL,
    CONSTRAINT bill_hold_pkey PRIMARY KEY (point, from_at, to_at),
    CONSTRAINT bill_hold_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT bill_hold_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT bill_hold_point_fkey FOREIGN KEY (point) REFERENCES point(code)
);

CREATE TABLE bill_line (
    bill_id bigint NOT NULL,
    number smallint NOT NULL,
    label text NOT NULL,
    kwh bigint NOT NULL,
    price bigint NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT bill_line_pkey PRIMARY KEY (bill_id, number),
    CONSTRAINT bill_line_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill(id)
);

CREATE TABLE bill_reactive (
    bill_id bigint NOT NULL,
    kwh bigint NOT NULL,
    kvarh bigint NOT NULL,
    cos_phi numeric NOT NULL,
    k_percent numeric NOT NULL,
    decision text NOT NULL,
    subtotal bigint NOT NULL,
    vat bigint NOT NULL,
    total bigint NOT NULL,
    CONSTRAINT bill_reactive_pkey PRIMARY KEY (bill_id),
    CONSTRAINT bill_reactive_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill(id),
    CONSTRAINT bill_reactive_check CHECK ((total = (subtotal + vat)))
);

CREATE TABLE bill_reactive_use (
    bill_id bigint NOT NULL,
    number smallint NOT NULL,
    serial text NOT NULL,
    previous numeric NOT NULL,
    current numeric NOT NULL,
    multiplier numeric NOT NULL,
    varh numeric NOT NULL,
    kvarh bigint NOT NULL,
    status text DEFAULT ''::text NOT NULL,
    removed boolean DEFAULT false NOT NULL,
    CONSTRAINT bill_reactive_use_pkey PRIMARY KEY (bill_id, number),
    CONSTRAINT bill_reactive_use_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill_reactive(bill_id)
);

CREATE TABLE bill_use (
    bill_id bigint NOT NULL,
    number smallint NOT NULL,
    serial text NOT NULL,
    rate smallint NOT NULL,
    previous numeric NOT NULL,
    current numeric NOT NULL,
    multiplier numeric NOT NULL,
    wh numeric NOT NULL,
    kwh bigint NOT NULL,
    status text DEFAULT ''::text NOT NULL,
    removed boolean DEFAULT false NOT NULL,
    carried_wh numeric DEFAULT 0 NOT NULL,
    CONSTRAINT bill_use_pkey PRIMARY KEY (bill_id, number),
    CONSTRAINT bill_use_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill(id)
);

CREATE TABLE billing_run (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    invoice_date date NOT NULL,
    book text,
    at_once boolean DEFAULT false NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    points integer,
    drafted_by text NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    checked_by text,
    checked_at timestamp with time zone,
    approved_by text,
    approved_at timestamp with time zone,
    issued_by text,
    issued_at timestamp with time zone,
    withdrawn_by text,
    withdrawn_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    indices_sha256 bytea,
    bills_sha256 bytea,
    CONSTRAINT billing_run_pkey PRIMARY KEY (id),
    CONSTRAINT billing_run_book_fkey FOREIGN KEY (book) REFERENCES reading_book(code),
    CONSTRAINT billing_run_check CHECK ((to_at > from_at)),
    CONSTRAINT billing_run_check1 CHECK ((at_once OR (state <> ALL (ARRAY['approved'::text, 'issued'::text])) OR (approved_by IS NOT NULL))),
    CONSTRAINT billing_run_check2 CHECK ((approved_by <> drafted_by)),
    CONSTRAINT billing_run_check3 CHECK (((state = ANY (ARRAY['approved'::text, 'issued'::text])) <= ((approved_at IS NOT NULL) AND (indices_sha256 IS NOT NULL) AND (bills_sha256 IS NOT NULL)))),
    CONSTRAINT billing_run_check4 CHECK (((state = 'issued'::text) = (issued_at IS NOT NULL))),
    CONSTRAINT billing_run_check5 CHECK (((state = 'withdrawn'::text) = (withdrawn_at IS NOT NULL))),
    CONSTRAINT billing_run_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'checked'::text, 'approved'::text, 'issued'::text, 'withdrawn'::text])))
);
CREATE INDEX billing_run_open ON public.billing_run USING btree (from_at) WHERE (state = ANY (ARRAY['draft'::text, 'checked'::text, 'approved'::text]));

CREATE TABLE billing_run_acceptance (
    run_id bigint NOT NULL,
    point text NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    at timestamp with time zone NOT NULL,
    why text NOT NULL,
    CONSTRAINT billing_run_acceptance_pkey PRIMARY KEY (run_id, point, kind),
    CONSTRAINT billing_run_acceptance_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT billing_run_acceptance_run_id_fkey FOREIGN KEY (run_id) REFERENCES billing_run(id) ON DELETE CASCADE,
    CONSTRAINT billing_run_acceptance_why_check CHECK ((why <> ''::text))
);

CREATE TABLE billing_run_finding (
    run_id bigint NOT NULL,
    object text NOT NULL,
    kind text NOT NULL,
    severity smallint NOT NULL,
    holds boolean NOT NULL,
    said text NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT billing_run_finding_pkey PRIMARY KEY (run_id, object, kind),
    CONSTRAINT billing_run_finding_run_id_fkey FOREIGN KEY (run_id) REFERENCES billing_run(id) ON DELETE CASCADE
);

CREATE TABLE billing_run_item (
    run_id bigint NOT NULL,
    point text NOT NULL,
    customer text NOT NULL,
    outcome text NOT NULL,
    plan text DEFAULT ''::text NOT NULL,
    kwh bigint DEFAULT 0 NOT NULL,
    wh numeric DEFAULT 0 NOT NULL,
    subtotal bigint DEFAULT 0 NOT NULL,
    vat bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    serial text DEFAULT ''::text NOT NULL,
    confirmed boolean DEFAULT false NOT NULL,
    kind text DEFAULT ''::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    reactive bigint,
    CONSTRAINT billing_run_item_pkey PRIMARY KEY (run_id, point),
    CONSTRAINT billing_run_item_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT billing_run_item_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT billing_run_item_run_id_fkey FOREIGN KEY (run_id) REFERENCES billing_run(id) ON DELETE CASCADE,
    CONSTRAINT billing_run_item_outcome_check CHECK ((outcome = ANY (ARRAY['bill'::text, 'held'::text, 'stands'::text, 'conflict'::text])))
);
CREATE INDEX billing_run_item_held ON public.billing_run_item USING btree (run_id) WHERE (outcome = ANY (ARRAY['held'::text, 'conflict'::text]));

CREATE TABLE case_day (
    case_id bigint NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    severity smallint NOT NULL,
    detail jsonb NOT NULL,
    state text NOT NULL,
    CONSTRAINT case_day_pkey PRIMARY KEY (case_id, day, kind),
    CONSTRAINT case_day_case_id_fkey FOREIGN KEY (case_id) REFERENCES validation_case(id),
    CONSTRAINT case_day_state_check CHECK ((state = ANY (ARRAY['waits'::text, 'judged'::text, 'cured'::text])))
);
CREATE INDEX case_day_waits ON public.case_day USING btree (day, case_id) WHERE (state = 'waits'::text);

CREATE TABLE case_step (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    case_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    login text NOT NULL,
    step text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT case_step_pkey PRIMARY KEY (id),
    CONSTRAINT case_step_case_id_fkey FOREIGN KEY (case_id) REFERENCES validation_case(id),
    CONSTRAINT case_step_step_check CHECK ((step = ANY (ARRAY['opened'::text, 'again'::text, 'accepted'::text, 'edited'::text, 'undone'::text, 'reread'::text, 'answered'::text, 'unanswered'::text, 'assigned'::text, 'cured'::text])))
);
CREATE INDEX case_step_case ON public.case_step USING btree (case_id, id);

CREATE TABLE class_curve (
    customer_class text NOT NULL,
    curve double precision[] NOT NULL,
    meters integer NOT NULL,
    days integer NOT NULL,
    computed_at timestamp with time zone NOT NULL,
    CONSTRAINT class_curve_pkey PRIMARY KEY (customer_class),
    CONSTRAINT class_curve_curve_check CHECK ((cardinality(curve) = 48))
);

CREATE TABLE closing_index (
    point text NOT NULL,
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    rate smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    raw bigint NOT NULL,
    scaler smallint NOT NULL,
    status text DEFAULT ''::text NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    method text DEFAULT ''::text NOT NULL,
    quality smallint DEFAULT 1 NOT NULL,
    CONSTRAINT closing_index_pkey PRIMARY KEY (meter_id, channel, rate, at),
    CONSTRAINT closing_index_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT closing_index_point_fkey FOREIGN KEY (point) REFERENCES point(code)
);
CREATE INDEX closing_index_point ON public.closing_index USING btree (point, at);

CREATE TABLE closing_index_past (
    point text NOT NULL,
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    rate smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    raw bigint NOT NULL,
    scaler smallint NOT NULL,
    status text NOT NULL,
    method text NOT NULL,
    quality smallint NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone NOT NULL,
    correction bigint,
    put_right_by text,
    reason text,
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    CONSTRAINT closing_index_past_meter_id_channel_rate_at_correction_key UNIQUE (meter_id, channel, rate, at, correction),
    CONSTRAINT closing_index_past_pkey PRIMARY KEY (id),
    CONSTRAINT closing_index_past_correction_fkey FOREIGN KEY (correction) REFERENCES bill_correction(id),
    CONSTRAINT closing_index_past_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT closing_index_past_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT closing_index_past_check CHECK (((correction IS NULL) = ((put_right_by IS NOT NULL) AND (reason <> ''::text))))
);

CREATE TABLE customer (
    code text NOT NULL,
    name text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    phone text DEFAULT ''::text NOT NULL,
    email text DEFAULT ''::text NOT NULL,
    book text NOT NULL,
    search text GENERATED ALWAYS AS (plain(((((code || ' '::text) || name) || ' '::text) || address))) STORED,
    tax_code text DEFAULT ''::text NOT NULL,
    CONSTRAINT customer_pkey PRIMARY KEY (code),
    CONSTRAINT customer_book_fkey FOREIGN KEY (book) REFERENCES reading_book(code)
);
CREATE INDEX customer_book ON public.customer USING btree (book);

CREATE TABLE day_edit (
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    day date NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    undoes integer,
    case_id bigint,
    slots smallint NOT NULL,
    first_slot smallint NOT NULL,
    energy integer[] NOT NULL,
    method smallint[] NOT NULL,
    said_energy integer[] NOT NULL,
    said_quality bytea NOT NULL,
    before_energy integer[] NOT NULL,
    before_quality bytea NOT NULL,
    after_energy integer[] NOT NULL,
    after_quality bytea NOT NULL,
    reason text NOT NULL,
    login text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT day_edit_pkey PRIMARY KEY (meter_id, channel, day, version),
    CONSTRAINT day_edit_case_id_fkey FOREIGN KEY (case_id) REFERENCES validation_case(id),
    CONSTRAINT day_edit_login_fkey FOREIGN KEY (login) REFERENCES app_user(login),
    CONSTRAINT day_edit_meter_id_channel_day_undoes_fkey FOREIGN KEY (meter_id, channel, day, undoes) REFERENCES day_edit(meter_id, channel, day, version),
    CONSTRAINT day_edit_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT day_edit_check CHECK ((((kind = 'undo'::text) = (undoes IS NOT NULL)) AND (undoes < version))),
    CONSTRAINT day_edit_check1 CHECK ((cardinality(energy) =
CASE kind
    WHEN 'undo'::text THEN 0
    ELSE cardinality(said_energy)
END)),
    CONSTRAINT day_edit_check2 CHECK (((cardinality(method) = cardinality(energy)) AND (cardinality(said_energy) > 0))),
    CONSTRAINT day_edit_check3 CHECK (((cardinality(said_energy) = length(said_quality)) AND (cardinality(before_energy) = cardinality(said_energy)) AND (length(before_quality) = length(said_quality)) AND (cardinality(after_energy) = cardinality(said_energy)) AND (length(after_quality) = length(said_quality)))),
    CONSTRAINT day_edit_check4 CHECK (((first_slot + cardinality(said_energy)) <= slots)),
    CONSTRAINT day_edit_first_slot_check CHECK ((first_slot >= 0)),
    CONSTRAINT day_edit_kind_check CHECK ((kind = ANY (ARRAY['values'::text, 'estimate'::text, 'accept'::text, 'undo'::text]))),
    CONSTRAINT day_edit_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE day_score (
    meter_id integer NOT NULL,
    day date NOT NULL,
    model integer NOT NULL,
    logit real,
    day_at timestamp with time zone NOT NULL,
    version integer NOT NULL
);
CREATE UNIQUE INDEX day_score_once ON public.day_score USING btree (meter_id, day);
-- hypertable by day, chunks of 60 days

CREATE TABLE einvoice (
    bill_id bigint NOT NULL,
    series text NOT NULL,
    number integer NOT NULL,
    dated date NOT NULL,
    code text DEFAULT ''::text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    reactive boolean DEFAULT false NOT NULL,
    CONSTRAINT einvoice_series_number_key UNIQUE (series, number),
    CONSTRAINT einvoice_pkey PRIMARY KEY (bill_id, reactive),
    CONSTRAINT einvoice_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES bill(id),
    CONSTRAINT einvoice_number_check CHECK (((number >= 1) AND (number <= 99999999)))
);

CREATE TABLE feeder (
    code text NOT NULL,
    name text NOT NULL,
    station text NOT NULL,
    CONSTRAINT feeder_pkey PRIMARY KEY (code),
    CONSTRAINT feeder_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);

CREATE TABLE finding (
    meter_id integer NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    severity smallint NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    origin text NOT NULL,
    CONSTRAINT finding_pkey PRIMARY KEY (meter_id, day, kind),
    CONSTRAINT finding_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT finding_origin_check CHECK ((origin = ANY (ARRAY['evidence'::text, 'validation'::text])))
);

CREATE TABLE inspection (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    station text NOT NULL,
    point text NOT NULL,
    customer text,
    state text NOT NULL,
    severity smallint NOT NULL,
    strength real NOT NULL,
    since date NOT NULL,
    opened_on date NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    seen_on date NOT NULL,
    assigned_to text,
    clues jsonb NOT NULL,
    kwh_a_day real,
    stake bigint,
    benign jsonb,
    evidence jsonb NOT NULL,
    model integer,
    found_since date,
    CONSTRAINT inspection_pkey PRIMARY KEY (id),
    CONSTRAINT inspection_assigned_to_fkey FOREIGN KEY (assigned_to) REFERENCES app_user(login),
    CONSTRAINT inspection_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT inspection_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT inspection_model_fkey FOREIGN KEY (model) REFERENCES score_model(version),
    CONSTRAINT inspection_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT inspection_station_fkey FOREIGN KEY (station) REFERENCES station(code),
    CONSTRAINT inspection_check CHECK (((state = ANY (ARRAY['assigned'::text, 'inspected'::text])) <= (assigned_to IS NOT NULL))),
    CONSTRAINT inspection_check1 CHECK (((found_since IS NULL) OR (state = 'confirmed'::text))),
    CONSTRAINT inspection_state_check CHECK ((state = ANY (ARRAY['new'::text, 'assigned'::text, 'inspected'::text, 'confirmed'::text, 'false'::text, 'faded'::text])))
);
CREATE INDEX inspection_meter ON public.inspection USING btree (meter_id, id);
CREATE UNIQUE INDEX inspection_open ON public.inspection USING btree (meter_id) WHERE (state = ANY (ARRAY['new'::text, 'assigned'::text, 'inspected'::text]));
CREATE INDEX inspection_state ON public.inspection USING btree (state, severity DESC, stake DESC);

CREATE TABLE inspection_round (
    night date NOT NULL,
    at timestamp with time zone NOT NULL,
    meters integer NOT NULL,
    per_1000 real NOT NULL,
    allowance real NOT NULL,
    suspected integer NOT NULL,
    opened integer NOT NULL,
    held integer NOT NULL,
    faded integer NOT NULL,
    model integer,
    nights smallint DEFAULT 1 NOT NULL,
    CONSTRAINT inspection_round_pkey PRIMARY KEY (night),
    CONSTRAINT inspection_round_model_fkey FOREIGN KEY (model) REFERENCES score_model(version),
    CONSTRAINT inspection_round_nights_check CHECK ((nights > 0))
);

CREATE TABLE inspection_step (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    inspection_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    login text NOT NULL,
    step text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT inspection_step_pkey PRIMARY KEY (id),
    CONSTRAINT inspection_step_inspection_id_fkey FOREIGN KEY (inspection_id) REFERENCES inspection(id),
    CONSTRAINT inspection_step_step_check CHECK ((step = ANY (ARRAY['opened'::text, 'louder'::text, 'assigned'::text, 'returned'::text, 'visited'::text, 'confirmed'::text, 'dismissed'::text, 'faded'::text])))
);
CREATE INDEX inspection_step_inspection ON public.inspection_step USING btree (inspection_id, id);

CREATE TABLE installation (
    point text NOT NULL,
    meter_id integer NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone,
    first_index jsonb DEFAULT '{}'::jsonb NOT NULL,
    last_index jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT installation_one_meter EXCLUDE USING gist (point WITH =, tstzrange(since, until) WITH &&) DEFERRABLE,
    CONSTRAINT installation_one_place EXCLUDE USING gist (meter_id WITH =, tstzrange(since, until) WITH &&) DEFERRABLE,
    CONSTRAINT installation_pkey PRIMARY KEY (meter_id, since),
    CONSTRAINT installation_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT installation_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT installation_check CHECK ((until > since))
);

CREATE TABLE instant_day (
    meter_id integer NOT NULL,
    day date NOT NULL,
    reads integer NOT NULL,
    voltage_v real[] NOT NULL,
    current_a real[] NOT NULL
);
CREATE UNIQUE INDEX instant_day_once ON public.instant_day USING btree (meter_id, day);
-- hypertable by day, chunks of 60 days

CREATE TABLE instant_read (
    meter_id integer NOT NULL,
    at timestamp with time zone NOT NULL,
    voltage_v real[] NOT NULL,
    current_a real[] NOT NULL,
    power_w real,
    reactive_var real,
    cos_phi real,
    frequency_hz real,
    received_at timestamp with time zone NOT NULL,
    poll_id uuid NOT NULL
);
CREATE UNIQUE INDEX instant_read_once ON public.instant_read USING btree (meter_id, at);
-- hypertable by at, chunks of 60 days

CREATE TABLE lease_move (
    epoch bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT lease_move_pkey PRIMARY KEY (epoch)
);
CREATE INDEX lease_move_at ON public.lease_move USING btree (at);

CREATE TABLE meter (
    id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
    serial text NOT NULL,
    model text NOT NULL,
    modem text NOT NULL,
    address integer DEFAULT 1 NOT NULL,
    digits smallint,
    live_every_s integer,
    CONSTRAINT meter_serial_key UNIQUE (serial),
    CONSTRAINT meter_pkey PRIMARY KEY (id),
    CONSTRAINT meter_modem_fkey FOREIGN KEY (modem) REFERENCES modem(code),
    CONSTRAINT meter_live_every_s_check CHECK ((live_every_s >= 0))
);
CREATE INDEX meter_modem ON public.meter USING btree (modem);

CREATE TABLE meter_event (
    meter_id integer NOT NULL,
    at timestamp with time zone NOT NULL,
    code text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT meter_event_pkey PRIMARY KEY (meter_id, at, code),
    CONSTRAINT meter_event_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);
CREATE INDEX meter_event_power ON public.meter_event USING btree (at) WHERE (code = ANY (ARRAY['power_off'::text, 'power_on'::text]));

CREATE TABLE meter_place (
    meter_id integer NOT NULL,
    since timestamp with time zone NOT NULL,
    serial text NOT NULL,
    point text,
    station text,
    customer text,
    latest boolean NOT NULL,
    search text NOT NULL,
    CONSTRAINT meter_place_pkey PRIMARY KEY (meter_id, since),
    CONSTRAINT meter_place_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT meter_place_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT meter_place_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT meter_place_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);
CREATE INDEX meter_place_customer ON public.meter_place USING btree (customer);
CREATE INDEX meter_place_search ON public.meter_place USING gin (search gin_trgm_ops);
CREATE INDEX meter_place_serial ON public.meter_place USING btree (serial, since DESC);
CREATE INDEX meter_place_station ON public.meter_place USING btree (station);

CREATE TABLE meter_secret (
    meter_id integer NOT NULL,
    kind text NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT meter_secret_pkey PRIMARY KEY (meter_id, kind),
    CONSTRAINT meter_secret_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);

CREATE TABLE meter_title (
    meter_id integer NOT NULL,
    title bytea NOT NULL,
    CONSTRAINT meter_title_pkey PRIMARY KEY (meter_id),
    CONSTRAINT meter_title_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id) ON DELETE CASCADE,
    CONSTRAINT meter_title_title_check CHECK ((octet_length(title) = 8))
);
CREATE INDEX meter_title_title ON public.meter_title USING btree (title);

CREATE TABLE modem (
    code text NOT NULL,
    link text NOT NULL,
    dialect text DEFAULT 'transparent'::text NOT NULL,
    host text DEFAULT ''::text NOT NULL,
    port integer DEFAULT 0 NOT NULL,
    registration text DEFAULT ''::text NOT NULL,
    last_contact timestamp with time zone,
    number integer NOT NULL,
    shard integer GENERATED ALWAYS AS (((number - 1) / 250)) STORED,
    cell text DEFAULT ''::text NOT NULL,
    device text DEFAULT ''::text NOT NULL,
    dials text DEFAULT ''::text NOT NULL,
    CONSTRAINT modem_pkey PRIMARY KEY (code),
    CONSTRAINT modem_link_check CHECK ((link = ANY (ARRAY['dial_out'::text, 'dial_in'::text, 'mqtt'::text, 'serial'::text, 'csd'::text, 'udp'::text])))
);
CREATE INDEX modem_number ON public.modem USING btree (number);
CREATE UNIQUE INDEX modem_registration ON public.modem USING btree (registration) WHERE (registration <> ''::text);
CREATE INDEX modem_shard ON public.modem USING btree (shard);

CREATE TABLE modem_session (
    modem text NOT NULL,
    epoch bigint NOT NULL,
    node text NOT NULL,
    since timestamp with time zone NOT NULL,
    ended timestamp with time zone,
    proved boolean DEFAULT false NOT NULL,
    CONSTRAINT modem_session_pkey PRIMARY KEY (modem),
    CONSTRAINT modem_session_modem_fkey FOREIGN KEY (modem) REFERENCES modem(code),
    CONSTRAINT modem_session_node_fkey FOREIGN KEY (node) REFERENCES node(name)
);

CREATE TABLE node (
    name text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    stopped_at timestamp with time zone,
    listen text DEFAULT ''::text NOT NULL,
    version text DEFAULT ''::text NOT NULL,
    spool uuid NOT NULL,
    worker bigint,
    report jsonb DEFAULT '{}'::jsonb NOT NULL,
    reported_at timestamp with time zone,
    resting text DEFAULT ''::text NOT NULL,
    CONSTRAINT node_pkey PRIMARY KEY (name)
);

CREATE TABLE order_stop (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    since timestamp with time zone NOT NULL,
    order_id bigint NOT NULL,
    tripped_by text NOT NULL,
    allowed integer NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT order_stop_pkey PRIMARY KEY (id),
    CONSTRAINT order_stop_lifted_by_fkey FOREIGN KEY (lifted_by) REFERENCES app_user(login),
    CONSTRAINT order_stop_order_id_fkey FOREIGN KEY (order_id) REFERENCES remote_order(id),
    CONSTRAINT order_stop_tripped_by_fkey FOREIGN KEY (tripped_by) REFERENCES app_user(login),
    CONSTRAINT order_stop_check CHECK (((lifted_at IS NULL) = (lifted_by IS NULL))),
    CONSTRAINT order_stop_check1 CHECK ((lifted_by <> tripped_by))
);
CREATE UNIQUE INDEX order_stop_standing ON public.order_stop USING btree ((true)) WHERE (lifted_at IS NULL);

CREATE TABLE outage (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    station text,
    meter_id integer,
    began timestamp with time zone,
    ended timestamp with time zone,
    source text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    told_by text DEFAULT ''::text NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT outage_pkey PRIMARY KEY (id),
    CONSTRAINT outage_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT outage_station_fkey FOREIGN KEY (station) REFERENCES station(code),
    CONSTRAINT outage_check CHECK ((ended > began)),
    CONSTRAINT outage_check1 CHECK ((num_nonnulls(station, meter_id) = 1)),
    CONSTRAINT outage_has_a_side CHECK ((num_nonnulls(began, ended) > 0)),
    CONSTRAINT outage_source_check CHECK ((source = ANY (ARRAY['event'::text, 'silence'::text, 'staff'::text]))),
    CONSTRAINT outage_staff_is_somebody CHECK (((source = 'staff'::text) = (told_by <> ''::text)))
);
CREATE UNIQUE INDEX outage_event_once ON public.outage USING btree (COALESCE(station, ''::text), COALESCE(meter_id, 0), COALESCE(began, ended)) WHERE (source = 'event'::text);
CREATE INDEX outage_meter ON public.outage USING btree (meter_id, began) WHERE (meter_id IS NOT NULL);
CREATE UNIQUE INDEX outage_silence_once ON public.outage USING btree (station) WHERE ((source = 'silence'::text) AND (ended IS NULL));
CREATE INDEX outage_station ON public.outage USING btree (station, began) WHERE (station IS NOT NULL);

CREATE TABLE point (
    code text NOT NULL,
    role text NOT NULL,
    station text NOT NULL,
    feeder text,
    customer text,
    checked_by text,
    CONSTRAINT point_pkey PRIMARY KEY (code),
    CONSTRAINT point_checked_by_fkey FOREIGN KEY (checked_by) REFERENCES point(code),
    CONSTRAINT point_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT point_feeder_fkey FOREIGN KEY (feeder) REFERENCES feeder(code),
    CONSTRAINT point_station_fkey FOREIGN KEY (station) REFERENCES station(code),
    CONSTRAINT point_check CHECK (((role = 'customer'::text) = (customer IS NOT NULL))),
    CONSTRAINT point_checked CHECK (((checked_by IS NULL) OR (role <> 'check'::text))),
    CONSTRAINT point_role_check CHECK ((role = ANY (ARRAY['customer'::text, 'station_head'::text, 'check'::text])))
);
CREATE INDEX point_checked_by ON public.point USING btree (checked_by) WHERE (checked_by IS NOT NULL);
CREATE INDEX point_customer ON public.point USING btree (customer);
CREATE INDEX point_station ON public.point USING btree (station);

CREATE TABLE point_multiplier (
    point text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    value numeric NOT NULL,
    CONSTRAINT point_multiplier_pkey PRIMARY KEY (point, valid_from),
    CONSTRAINT point_multiplier_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT point_multiplier_value_check CHECK ((value > (0)::numeric))
);

CREATE TABLE point_period (
    point text NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    households_with_use integer,
    retail_other_kwh bigint,
    said_by text NOT NULL,
    said_at timestamp with time zone NOT NULL,
    CONSTRAINT point_period_pkey PRIMARY KEY (point, first_day, end_day, said_at),
    CONSTRAINT point_period_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT point_period_check CHECK ((end_day > first_day)),
    CONSTRAINT point_period_check1 CHECK (((households_with_use IS NULL) = (retail_other_kwh IS NULL))),
    CONSTRAINT point_period_households_with_use_check CHECK ((households_with_use >= 0)),
    CONSTRAINT point_period_reason_check CHECK ((reason = ANY (ARRAY[''::text, 'regular'::text, 'new_supply'::text, 'change_of_party'::text, 'termination'::text, 'agreed_new_day'::text, 'force_majeure'::text]))),
    CONSTRAINT point_period_retail_other_kwh_check CHECK ((retail_other_kwh >= 0))
);

CREATE TABLE point_supply (
    point text NOT NULL,
    valid_from date NOT NULL,
    plan text NOT NULL,
    households numeric DEFAULT 1 NOT NULL,
    voltage_kv numeric DEFAULT 0.4 NOT NULL,
    one_rate boolean DEFAULT true NOT NULL,
    tou_schedule text NOT NULL,
    tenants smallint,
    undeclared boolean DEFAULT false NOT NULL,
    three_rate_refused boolean DEFAULT false NOT NULL,
    buys_reactive boolean,
    contract_kw numeric,
    transformer_kva numeric,
    CONSTRAINT point_supply_pkey PRIMARY KEY (point, valid_from),
    CONSTRAINT point_supply_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT point_supply_contract_kw_check CHECK ((contract_kw > (0)::numeric)),
    CONSTRAINT point_supply_tenants CHECK (((tenants IS NULL) OR (NOT undeclared))),
    CONSTRAINT point_supply_tenants_check CHECK ((tenants > 0)),
    CONSTRAINT point_supply_transformer_kva_check CHECK ((transformer_kva > (0)::numeric))
);

CREATE TABLE poll (
    id uuid NOT NULL,
    meter_id integer NOT NULL,
    modem text NOT NULL,
    started timestamp with time zone NOT NULL,
    ended timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    clock_offset_s double precision,
    rtt_s real,
    CONSTRAINT poll_pkey PRIMARY KEY (id),
    CONSTRAINT poll_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT poll_modem_fkey FOREIGN KEY (modem) REFERENCES modem(code)
);
CREATE INDEX poll_meter ON public.poll USING btree (meter_id, started DESC);
CREATE INDEX poll_modem ON public.poll USING btree (modem, started DESC);
CREATE INDEX poll_started ON public.poll USING btree (started DESC);

CREATE TABLE profile_block (
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    last timestamp with time zone NOT NULL,
    kind text NOT NULL,
    interval_s integer NOT NULL,
    instants timestamp with time zone[] COMPRESSION lz4,
    raw bigint[] COMPRESSION lz4 NOT NULL,
    status bigint[] COMPRESSION lz4 NOT NULL,
    scaler smallint NOT NULL,
    unit smallint NOT NULL,
    obis text NOT NULL,
    digest bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    poll_id uuid NOT NULL,
    CONSTRAINT profile_block_check CHECK (((last >= at) AND (last <= (at + '32 days'::interval)))),
    CONSTRAINT profile_block_interval_s_check CHECK ((interval_s > 0)),
    CONSTRAINT profile_block_kind_check CHECK ((kind = ANY (ARRAY['index'::text, 'interval_energy'::text, 'mean_power'::text])))
);
CREATE INDEX profile_block_at ON public.profile_block USING btree (meter_id, at DESC);
CREATE INDEX profile_block_long ON public.profile_block USING btree (meter_id, last) WHERE ((instants IS NOT NULL) OR ((cardinality(raw) * interval_s) > 86400));
CREATE UNIQUE INDEX profile_block_once ON public.profile_block USING btree (meter_id, channel, obis, at, digest);
-- hypertable by at, chunks of 60 days

CREATE TABLE profile_day (
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    day date NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    interval_s integer NOT NULL,
    scaler smallint NOT NULL,
    unit smallint NOT NULL,
    energy integer[] NOT NULL,
    quality bytea NOT NULL,
    computed_at timestamp with time zone NOT NULL,
    method bytea,
    CONSTRAINT profile_day_check CHECK ((cardinality(energy) = length(quality))),
    CONSTRAINT profile_day_check1 CHECK ((length(method) = length(quality)))
);
CREATE UNIQUE INDEX profile_day_once ON public.profile_day USING btree (meter_id, channel, day);
-- hypertable by day, chunks of 60 days

CREATE TABLE profile_day_past (
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    day date NOT NULL,
    version integer NOT NULL,
    interval_s integer NOT NULL,
    scaler smallint NOT NULL,
    unit smallint NOT NULL,
    energy integer[] NOT NULL,
    quality bytea NOT NULL,
    computed_at timestamp with time zone NOT NULL,
    method bytea
);
CREATE UNIQUE INDEX profile_day_past_once ON public.profile_day_past USING btree (meter_id, channel, day, version);

CREATE TABLE reading_book (
    code text NOT NULL,
    name text NOT NULL,
    reading_day smallint DEFAULT 1 NOT NULL,
    CONSTRAINT reading_book_pkey PRIMARY KEY (code),
    CONSTRAINT reading_book_reading_day_check CHECK (((reading_day >= 1) AND (reading_day <= 28)))
);

CREATE TABLE reading_conflict (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    rate smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    raw bigint NOT NULL,
    scaler smallint NOT NULL,
    method text NOT NULL,
    noticed_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    settled_by text,
    settlement text DEFAULT ''::text NOT NULL,
    CONSTRAINT reading_conflict_meter_id_channel_rate_at_raw_scaler_key UNIQUE (meter_id, channel, rate, at, raw, scaler),
    CONSTRAINT reading_conflict_pkey PRIMARY KEY (id),
    CONSTRAINT reading_conflict_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT reading_conflict_check CHECK ((((settled_at IS NULL) = (settled_by IS NULL)) AND ((settled_at IS NULL) = (settlement = ''::text))))
);
CREATE INDEX reading_conflict_open ON public.reading_conflict USING btree (at) WHERE (settled_at IS NULL);

CREATE TABLE register_read (
    meter_id integer NOT NULL,
    channel smallint NOT NULL,
    rate smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    raw bigint NOT NULL,
    scaler smallint NOT NULL,
    unit smallint NOT NULL,
    status bigint DEFAULT 0 NOT NULL,
    source text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    poll_id uuid
);
CREATE INDEX register_read_at ON public.register_read USING btree (meter_id, at DESC);
CREATE UNIQUE INDEX register_read_once ON public.register_read USING btree (meter_id, channel, rate, at, source, raw, scaler);
-- hypertable by at, chunks of 60 days

CREATE TABLE rejected_frame (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer,
    modem text,
    poll_id uuid,
    item text NOT NULL,
    asked_from timestamp with time zone,
    asked_to timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    raw bytea COMPRESSION lz4 NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT rejected_frame_pkey PRIMARY KEY (id),
    CONSTRAINT rejected_frame_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);
CREATE UNIQUE INDEX rejected_once ON public.rejected_frame USING btree (poll_id, item, digest, reason) NULLS NOT DISTINCT;

CREATE TABLE remote_order (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    kind text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    approved_by text,
    approved_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    epoch bigint,
    sent_at timestamp with time zone,
    claimed_at timestamp with time zone,
    finished_at timestamp with time zone,
    result jsonb DEFAULT '{}'::jsonb NOT NULL,
    two_persons boolean GENERATED ALWAYS AS (((kind = ANY (ARRAY['disconnect'::text, 'set_limit'::text])) OR ((kind = 'set_clock'::text) AND (parameters ? 'jump'::text)))) STORED,
    CONSTRAINT remote_order_pkey PRIMARY KEY (id),
    CONSTRAINT remote_order_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES app_user(login),
    CONSTRAINT remote_order_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT remote_order_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES app_user(login),
    CONSTRAINT remote_order_check CHECK (((NOT two_persons) OR (state = ANY (ARRAY['requested'::text, 'cancelled'::text, 'expired'::text])) OR ((approved_by IS NOT NULL) AND (approved_by <> requested_by)))),
    CONSTRAINT remote_order_check1 CHECK (((approved_by IS NULL) OR (two_persons AND (approved_by <> requested_by)))),
    CONSTRAINT remote_order_check2 CHECK (((approved_by IS NULL) = (approved_at IS NULL))),
    CONSTRAINT remote_order_check3 CHECK ((two_persons OR (state <> 'requested'::text))),
    CONSTRAINT remote_order_check4 CHECK (((NOT two_persons) OR (reason <> ''::text))),
    CONSTRAINT remote_order_check5 CHECK ((((sent_at IS NULL) = (claimed_at IS NULL)) AND ((sent_at IS NULL) = (epoch IS NULL)))),
    CONSTRAINT remote_order_check6 CHECK (((state <> ALL (ARRAY['sent'::text, 'done'::text, 'failed'::text, 'unknown'::text])) OR (sent_at IS NOT NULL))),
    CONSTRAINT remote_order_check7 CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['requested'::text, 'approved'::text, 'sent'::text, 'unknown'::text])))),
    CONSTRAINT remote_order_check8 CHECK ((expires_at > requested_at)),
    CONSTRAINT remote_order_kind_check CHECK ((kind = ANY (ARRAY['read'::text, 'connect'::text, 'disconnect'::text, 'set_clock'::text, 'set_limit'::text, 'rotate_keys'::text]))),
    CONSTRAINT remote_order_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'approved'::text, 'sent'::text, 'done'::text, 'failed'::text, 'unknown'::text, 'refused'::text, 'cancelled'::text, 'expired'::text])))
);
CREATE INDEX remote_order_asked ON public.remote_order USING btree (requested_by, requested_at DESC);
CREATE INDEX remote_order_cut ON public.remote_order USING btree (sent_at) WHERE ((kind = ANY (ARRAY['disconnect'::text, 'set_limit'::text])) AND (sent_at IS NOT NULL));
CREATE UNIQUE INDEX remote_order_one_open ON public.remote_order USING btree (meter_id, kind) WHERE ((kind <> 'read'::text) AND (state = ANY (ARRAY['requested'::text, 'approved'::text, 'sent'::text, 'unknown'::text])));
CREATE INDEX remote_order_open ON public.remote_order USING btree (meter_id) WHERE (state = ANY (ARRAY['requested'::text, 'approved'::text, 'sent'::text, 'unknown'::text]));

CREATE TABLE schema_migration (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schema_migration_pkey PRIMARY KEY (name)
);

CREATE TABLE score_model (
    version integer GENERATED ALWAYS AS IDENTITY NOT NULL,
    learned_at timestamp with time zone NOT NULL,
    login text NOT NULL,
    meters integer NOT NULL,
    days integer NOT NULL,
    judged integer DEFAULT 0 NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    content bytea NOT NULL,
    in_force boolean NOT NULL,
    CONSTRAINT score_model_pkey PRIMARY KEY (version)
);
CREATE UNIQUE INDEX score_model_in_force ON public.score_model USING btree (in_force) WHERE in_force;

CREATE TABLE score_reference (
    meter_id integer NOT NULL,
    first date NOT NULL,
    until date NOT NULL,
    days integer NOT NULL,
    figures bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT score_reference_pkey PRIMARY KEY (meter_id),
    CONSTRAINT score_reference_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT score_reference_check CHECK ((until > first))
);

CREATE TABLE shard_lease (
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    node text NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT shard_lease_pkey PRIMARY KEY (shard),
    CONSTRAINT shard_lease_node_fkey FOREIGN KEY (node) REFERENCES node(name)
);

CREATE TABLE sign_in_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    login text NOT NULL,
    address text NOT NULL,
    at timestamp with time zone NOT NULL,
    ok boolean NOT NULL,
    CONSTRAINT sign_in_attempt_pkey PRIMARY KEY (id)
);
CREATE INDEX sign_in_attempt_address ON public.sign_in_attempt USING btree (address, at DESC);
CREATE INDEX sign_in_attempt_login ON public.sign_in_attempt USING btree (login, at DESC);

CREATE TABLE station (
    code text NOT NULL,
    name text NOT NULL,
    CONSTRAINT station_pkey PRIMARY KEY (code)
);

CREATE TABLE station_night (
    station text NOT NULL,
    through date NOT NULL,
    at timestamp with time zone NOT NULL,
    customers integer NOT NULL,
    scored integer NOT NULL,
    young integer NOT NULL,
    head boolean NOT NULL,
    model integer,
    CONSTRAINT station_night_pkey PRIMARY KEY (station),
    CONSTRAINT station_night_model_fkey FOREIGN KEY (model) REFERENCES score_model(version),
    CONSTRAINT station_night_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);

CREATE TABLE station_peak (
    day date NOT NULL,
    station text NOT NULL,
    pmax_w double precision,
    share double precision,
    CONSTRAINT station_peak_pkey PRIMARY KEY (day, station) INCLUDE (pmax_w, share),
    CONSTRAINT station_peak_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);
CREATE INDEX station_peak_station ON public.station_peak USING btree (station, day);

CREATE TABLE station_transformer (
    station text NOT NULL,
    valid_from date NOT NULL,
    kva numeric NOT NULL,
    no_load_w numeric,
    load_w numeric,
    line_percent numeric,
    head_behind boolean DEFAULT false NOT NULL,
    CONSTRAINT station_transformer_pkey PRIMARY KEY (station, valid_from),
    CONSTRAINT station_transformer_station_fkey FOREIGN KEY (station) REFERENCES station(code),
    CONSTRAINT station_transformer_kva_check CHECK ((kva > (0)::numeric)),
    CONSTRAINT station_transformer_line_percent_check CHECK (((line_percent >= (0)::numeric) AND (line_percent < (100)::numeric))),
    CONSTRAINT station_transformer_load_w_check CHECK ((load_w >= (0)::numeric)),
    CONSTRAINT station_transformer_no_load_w_check CHECK ((no_load_w >= (0)::numeric))
);

CREATE TABLE suspicion (
    meter_id integer NOT NULL,
    station text NOT NULL,
    point text NOT NULL,
    night date NOT NULL,
    strength real NOT NULL,
    since date NOT NULL,
    clues jsonb NOT NULL,
    kwh_a_day real,
    benign jsonb,
    evidence jsonb NOT NULL,
    CONSTRAINT suspicion_pkey PRIMARY KEY (meter_id),
    CONSTRAINT suspicion_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT suspicion_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT suspicion_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);
CREATE INDEX suspicion_station ON public.suspicion USING btree (station);

CREATE TABLE told_absence (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    point text NOT NULL,
    first date NOT NULL,
    last date NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    login text NOT NULL,
    at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT told_absence_pkey PRIMARY KEY (id),
    CONSTRAINT told_absence_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT told_absence_check CHECK ((last >= first))
);
CREATE INDEX told_absence_point ON public.told_absence USING btree (point, first);

CREATE TABLE usage_limit (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    point text NOT NULL,
    customer text NOT NULL,
    span text NOT NULL,
    unit text NOT NULL,
    value bigint,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_limit_pkey PRIMARY KEY (id),
    CONSTRAINT usage_limit_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT usage_limit_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT usage_limit_span_check CHECK ((span = ANY (ARRAY['day'::text, 'month'::text]))),
    CONSTRAINT usage_limit_unit_check CHECK ((unit = ANY (ARRAY['kwh'::text, 'dong'::text]))),
    CONSTRAINT usage_limit_value_check CHECK ((value > 0))
);
CREATE INDEX usage_limit_point ON public.usage_limit USING btree (point, customer, span, id DESC);

CREATE TABLE use_warning (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    point text NOT NULL,
    customer text NOT NULL,
    meter_id integer NOT NULL,
    kind text NOT NULL,
    period date NOT NULL,
    about bigint DEFAULT 0 NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    told_at timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    CONSTRAINT use_warning_point_customer_kind_period_about_key UNIQUE (point, customer, kind, period, about),
    CONSTRAINT use_warning_pkey PRIMARY KEY (id),
    CONSTRAINT use_warning_customer_fkey FOREIGN KEY (customer) REFERENCES customer(code),
    CONSTRAINT use_warning_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT use_warning_point_fkey FOREIGN KEY (point) REFERENCES point(code),
    CONSTRAINT use_warning_check CHECK ((last_day >= first_day))
);
CREATE INDEX use_warning_customer ON public.use_warning USING btree (customer, told_at DESC);

CREATE TABLE validation_case (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    cause text NOT NULL,
    state text NOT NULL,
    severity smallint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    assigned_to text,
    order_id bigint,
    CONSTRAINT validation_case_meter_id_cause_key UNIQUE (meter_id, cause),
    CONSTRAINT validation_case_pkey PRIMARY KEY (id),
    CONSTRAINT validation_case_assigned_to_fkey FOREIGN KEY (assigned_to) REFERENCES app_user(login),
    CONSTRAINT validation_case_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id),
    CONSTRAINT validation_case_order_id_fkey FOREIGN KEY (order_id) REFERENCES remote_order(id),
    CONSTRAINT validation_case_check CHECK (((state <> 'reread'::text) OR (order_id IS NOT NULL))),
    CONSTRAINT validation_case_state_check CHECK ((state = ANY (ARRAY['open'::text, 'accepted'::text, 'edited'::text, 'reread'::text, 'closed'::text])))
);
CREATE INDEX validation_case_state ON public.validation_case USING btree (state, severity DESC);

CREATE TABLE validation_due (
    meter_id integer NOT NULL,
    day date NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT validation_due_pkey PRIMARY KEY (meter_id, day),
    CONSTRAINT validation_due_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);

CREATE TABLE warning_due (
    meter_id integer NOT NULL,
    since timestamp with time zone NOT NULL,
    after timestamp with time zone NOT NULL,
    CONSTRAINT warning_due_pkey PRIMARY KEY (meter_id),
    CONSTRAINT warning_due_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);
CREATE INDEX warning_due_after ON public.warning_due USING btree (after);

CREATE TABLE watch_due (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    meter_id integer NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    soon boolean NOT NULL,
    CONSTRAINT watch_due_pkey PRIMARY KEY (id),
    CONSTRAINT watch_due_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);
CREATE INDEX watch_due_meter ON public.watch_due USING btree (meter_id, since);

CREATE TABLE watched (
    meter_id integer NOT NULL,
    looked_at timestamp with time zone NOT NULL,
    CONSTRAINT watched_pkey PRIMARY KEY (meter_id),
    CONSTRAINT watched_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES meter(id)
);

CREATE TABLE watched_station (
    station text NOT NULL,
    month date NOT NULL,
    looked_at timestamp with time zone NOT NULL,
    CONSTRAINT watched_station_pkey PRIMARY KEY (station),
    CONSTRAINT watched_station_station_fkey FOREIGN KEY (station) REFERENCES station(code)
);

CREATE VIEW interval_reading AS
 SELECT m.serial AS meter,
    d.channel,
    (((d.day)::timestamp without time zone AT TIME ZONE 'Asia/Ho_Chi_Minh'::text) + (((s.slot - 1))::double precision * make_interval(secs => (d.interval_s)::double precision))) AS at,
        CASE
            WHEN (get_byte(d.quality, ((s.slot)::integer - 1)) = 0) THEN NULL::numeric
            ELSE (((s.energy)::numeric * power((10)::numeric, (d.scaler)::numeric)) / (1000)::numeric)
        END AS kwh,
    get_byte(d.quality, ((s.slot)::integer - 1)) AS quality,
    d.day,
    COALESCE(get_byte(d.method, ((s.slot)::integer - 1)),
        CASE get_byte(d.quality, ((s.slot)::integer - 1))
            WHEN 2 THEN 2
            WHEN 3 THEN 4
            WHEN 4 THEN 7
            WHEN 5 THEN 4
            WHEN 7 THEN 9
            ELSE 0
        END) AS method
   FROM ((profile_day d
     JOIN meter m ON ((m.id = d.meter_id)))
     CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY s(energy, slot));

CREATE VIEW standing_bill AS
 SELECT id,
    point,
    customer,
    from_at,
    to_at,
    invoice_date,
    plan,
    decisions,
    kwh,
    wh,
    subtotal,
    vat_percent,
    vat,
    total,
    issued_at,
    run_id,
    corrects,
    correction,
    correction_reason,
    rated_on,
    pmax_kw
   FROM bill b
  WHERE (NOT (EXISTS ( SELECT
           FROM bill r
          WHERE ((r.corrects = b.id) AND (r.correction = 'replaces'::text)))));
