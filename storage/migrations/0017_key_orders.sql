-- New keys for a meter are ordered like anything else it is told.
ALTER TABLE remote_order DROP CONSTRAINT remote_order_kind_check;
ALTER TABLE remote_order ADD CONSTRAINT remote_order_kind_check
    CHECK (kind IN ('read', 'connect', 'disconnect', 'set_clock', 'set_limit', 'rotate_keys'));
