-- What people order a meter to do: asked for, approved, sent at most once, and what became of it.

CREATE TABLE remote_order (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id     integer NOT NULL REFERENCES meter,
    kind         text NOT NULL CHECK (kind IN ('read', 'connect', 'disconnect', 'set_clock', 'set_limit')),
    parameters   jsonb NOT NULL DEFAULT '{}',
    reason       text NOT NULL DEFAULT '',
    requested_by text NOT NULL REFERENCES app_user,
    requested_at timestamptz NOT NULL,
    approved_by  text REFERENCES app_user,
    approved_at  timestamptz,
    expires_at   timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('requested', 'approved', 'sent', 'done', 'failed', 'unknown',
                     'refused', 'cancelled', 'expired')),
    node         text NOT NULL DEFAULT '',  -- which head-end sent it, under which epoch (0: unfenced)
    epoch        bigint,
    sent_at      timestamptz,               -- by the clock of the head-end
    claimed_at   timestamptz,               -- the same by the server's, which stands still for nobody
    finished_at  timestamptz,
    result       jsonb NOT NULL DEFAULT '{}',
    -- What takes a customer's supply away, wholly or in part, and a clock moved across half-hours.
    two_persons  boolean GENERATED ALWAYS AS (
        kind IN ('disconnect', 'set_limit') OR (kind = 'set_clock' AND parameters ? 'jump')) STORED,
    CHECK (NOT two_persons OR state IN ('requested', 'cancelled', 'expired')
        OR (approved_by IS NOT NULL AND approved_by <> requested_by)),
    CHECK (approved_by IS NULL OR (two_persons AND approved_by <> requested_by)),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (two_persons OR state <> 'requested'),
    CHECK (NOT two_persons OR reason <> ''),
    CHECK ((sent_at IS NULL) = (claimed_at IS NULL) AND (sent_at IS NULL) = (epoch IS NULL)),
    CHECK (state NOT IN ('sent', 'done', 'failed', 'unknown') OR sent_at IS NOT NULL),
    CHECK ((finished_at IS NULL) = (state IN ('requested', 'approved', 'sent', 'unknown'))),
    CHECK (expires_at > requested_at)
);
CREATE INDEX remote_order_open ON remote_order (meter_id)
    WHERE state IN ('requested', 'approved', 'sent', 'unknown');
CREATE INDEX remote_order_asked ON remote_order (requested_by, requested_at DESC);
CREATE INDEX remote_order_cut ON remote_order (sent_at)
    WHERE kind IN ('disconnect', 'set_limit') AND sent_at IS NOT NULL;
-- A second command of a kind waits until the outcome of the first is known.
CREATE UNIQUE INDEX remote_order_one_open ON remote_order (meter_id, kind)
    WHERE kind <> 'read' AND state IN ('requested', 'approved', 'sent', 'unknown');

-- The ways an order may go; what was ordered, of which meter and by whom never changes.
CREATE FUNCTION remote_order_moves() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$;
CREATE TRIGGER remote_order_goes_its_way BEFORE INSERT OR UPDATE ON remote_order
    FOR EACH ROW EXECUTE FUNCTION remote_order_moves();

-- Too many disconnections within an hour: none is approved or sent until somebody else lifts the stop.
CREATE TABLE order_stop (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    since      timestamptz NOT NULL,
    order_id   bigint NOT NULL REFERENCES remote_order,
    tripped_by text NOT NULL REFERENCES app_user,
    allowed    integer NOT NULL,
    lifted_at  timestamptz,
    lifted_by  text REFERENCES app_user,
    reason     text NOT NULL DEFAULT '',
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK (lifted_by <> tripped_by)
);
CREATE UNIQUE INDEX order_stop_standing ON order_stop ((true)) WHERE lifted_at IS NULL;
