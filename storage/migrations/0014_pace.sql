-- How the head-end paces itself: modems of one radio cell share what it takes, and some meters are watched closer.
ALTER TABLE modem ADD COLUMN cell text NOT NULL DEFAULT '';   -- empty: in none that is known
ALTER TABLE meter ADD COLUMN live_every_s integer             -- NULL: as often as the head-end's setting says
    CHECK (live_every_s >= 0);                                -- 0: its instant values are never asked for
ALTER TABLE poll ADD COLUMN rtt_s real;                       -- round trip of quick questions; NULL: none answered
