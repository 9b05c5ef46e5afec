-- The index of the generations. Everything here is made from the journals and can be made again.

CREATE TABLE generations (
    generation INTEGER PRIMARY KEY,
    run        TEXT NOT NULL,
    plan       TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    phase      TEXT NOT NULL,
    began      INTEGER NOT NULL,            -- milliseconds since 1970-01-01 UTC
    last       INTEGER NOT NULL,
    phase_end  TEXT,                        -- absent while the phase is open
    cause      TEXT,                        -- JSON
    layers     TEXT NOT NULL,               -- JSON
    verdict    TEXT,
    taken_back TEXT NOT NULL,               -- JSON: earlier generations taken back from here
    damage     TEXT,
    facts      INTEGER NOT NULL,            -- of the journal: how many,
    head       TEXT NOT NULL,               -- the hash of the last,
    size       INTEGER NOT NULL,            -- bytes,
    changed    INTEGER NOT NULL,            -- nanoseconds since 1970-01-01 UTC
    sum        TEXT NOT NULL,               -- SHA-256 over this row
    left_over  TEXT NOT NULL,               -- JSON: what a way back left by design
    resolved   TEXT                         -- JSON: what a person put right by hand
) STRICT;

CREATE TABLE checks (
    generation INTEGER NOT NULL REFERENCES generations ON DELETE CASCADE,
    place      INTEGER NOT NULL,            -- in the order in which they were judged
    moment     TEXT NOT NULL,
    check_id   TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    counted    TEXT NOT NULL,               -- as the decision saw it
    severity   TEXT NOT NULL,
    took       INTEGER NOT NULL,            -- milliseconds
    reasons    TEXT NOT NULL,               -- JSON
    PRIMARY KEY (generation, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX checks_by_name ON checks (check_id, generation);

CREATE TABLE measurements (
    generation INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    field      TEXT NOT NULL,
    value      REAL NOT NULL,
    PRIMARY KEY (generation, place, field),
    FOREIGN KEY (generation, place) REFERENCES checks ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE VIEW runs AS
    SELECT run, plan, revision, min(generation) AS first, max(generation) AS latest,
           min(began) AS began, max(last) AS last, max(verdict) AS verdict
    FROM generations GROUP BY run;
