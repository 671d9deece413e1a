-- Lines that the head-end's machine has itself: serial ports, telephone calls, datagrams.
ALTER TABLE modem ADD COLUMN device text NOT NULL DEFAULT '';   -- a serial port, its speed and bits
ALTER TABLE modem ADD COLUMN dials text NOT NULL DEFAULT '';    -- the telephone number behind a modem of ours
ALTER TABLE modem DROP CONSTRAINT modem_link_check;
ALTER TABLE modem ADD CONSTRAINT modem_link_check
    CHECK (link IN ('dial_out', 'dial_in', 'mqtt', 'serial', 'csd', 'udp'));
