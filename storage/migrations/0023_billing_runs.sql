-- A billing run: what a month's bills come to, looked at and approved by a second person before they go out.
CREATE TABLE billing_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL CHECK (to_at > from_at),
    invoice_date date NOT NULL,
    book         text REFERENCES reading_book,      -- NULL: all of them
    at_once      boolean NOT NULL DEFAULT false,    -- where the office wants no second person
    state        text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'checked', 'approved', 'issued', 'withdrawn')),
    points       integer,                           -- how many there are to count; NULL until that is known
    drafted_by   text NOT NULL,
    drafted_at   timestamptz NOT NULL,
    checked_by   text,
    checked_at   timestamptz,
    approved_by  text,
    approved_at  timestamptz,
    issued_by    text,
    issued_at    timestamptz,
    withdrawn_by text,
    withdrawn_at timestamptz,
    reason       text NOT NULL DEFAULT '',          -- of the withdrawal
    indices_sha256 bytea,                           -- of the closing indices it was approved upon
    bills_sha256   bytea,                           -- of what they came to
    CHECK (at_once OR state NOT IN ('approved', 'issued') OR approved_by IS NOT NULL),
    CHECK (approved_by <> drafted_by),
    CHECK ((state IN ('approved', 'issued')) <= (approved_at IS NOT NULL AND indices_sha256 IS NOT NULL
        AND bills_sha256 IS NOT NULL)),
    CHECK ((state = 'issued') = (issued_at IS NOT NULL)),
    CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL))
);
CREATE INDEX billing_run_open ON billing_run (from_at) WHERE state IN ('draft', 'checked', 'approved');

CREATE FUNCTION billing_run_moves() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$;
CREATE TRIGGER billing_run_goes_its_way BEFORE UPDATE ON billing_run
    FOR EACH ROW EXECUTE FUNCTION billing_run_moves();

-- What becomes of each point in a run: its bill in figures, or why there is none.
CREATE TABLE billing_run_item (
    run_id    bigint NOT NULL REFERENCES billing_run ON DELETE CASCADE,
    point     text NOT NULL REFERENCES point,
    customer  text NOT NULL REFERENCES customer,
    outcome   text NOT NULL CHECK (outcome IN ('bill', 'held', 'stands', 'conflict')),
    plan      text NOT NULL DEFAULT '',
    kwh       bigint NOT NULL DEFAULT 0,
    wh        numeric NOT NULL DEFAULT 0,
    subtotal  bigint NOT NULL DEFAULT 0,
    vat       bigint NOT NULL DEFAULT 0,
    total     bigint NOT NULL DEFAULT 0,
    serial    text NOT NULL DEFAULT '',
    confirmed boolean NOT NULL DEFAULT false,  -- the half-hours add up to what the registers went on by
    kind      text NOT NULL DEFAULT '',
    reason    text NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, point)
);
CREATE INDEX billing_run_item_held ON billing_run_item (run_id) WHERE outcome IN ('held', 'conflict');

-- What the checks noticed of a run; what holds a bill stands with its item as well.
CREATE TABLE billing_run_finding (
    run_id   bigint NOT NULL REFERENCES billing_run ON DELETE CASCADE,
    object   text NOT NULL,
    kind     text NOT NULL,
    severity smallint NOT NULL,
    holds    boolean NOT NULL,
    said     text NOT NULL,
    PRIMARY KEY (run_id, object, kind)
);

-- Somebody looked, and the bill may go out though a check would hold it.
CREATE TABLE billing_run_acceptance (
    run_id bigint NOT NULL REFERENCES billing_run ON DELETE CASCADE,
    point  text NOT NULL REFERENCES point,
    kind   text NOT NULL,
    by     text NOT NULL,
    at     timestamptz NOT NULL,
    why    text NOT NULL CHECK (why <> ''),
    PRIMARY KEY (run_id, point, kind)
);

-- Which run a bill went out with.
ALTER TABLE bill ADD COLUMN run_id bigint REFERENCES billing_run;
CREATE INDEX bill_run ON bill (run_id);
