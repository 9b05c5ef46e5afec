-- The index of the generations: `generations`, `checks` and `measurements` are made from the journals and can be made
-- again. `findings` and `told` are what the validations between the runs saw: they are nowhere else, and are taken over
-- where the rest is made again.

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
    resolved   TEXT,                        -- JSON: what a person put right by hand
    accepted   TEXT NOT NULL,               -- JSON: checks that did not pass and were accepted
    decided    INTEGER,                     -- when the phase ended first
    hold       TEXT                         -- what was found of it last while it soaked, as JSON
) STRICT;

CREATE TABLE checks (
    generation INTEGER NOT NULL REFERENCES generations ON DELETE CASCADE,
    place      INTEGER NOT NULL,            -- in the order in which they were judged
    at         INTEGER NOT NULL,            -- milliseconds since 1970-01-01 UTC
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

CREATE TABLE findings (
    finding  INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,              -- milliseconds since 1970-01-01 UTC
    occasion TEXT NOT NULL,                 -- `validation`: somebody asked, `schedule`: the timer did
    plan     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    phase    TEXT NOT NULL,
    check_id TEXT NOT NULL,
    tags     TEXT NOT NULL,                 -- JSON
    outcome  TEXT NOT NULL,
    counted  TEXT NOT NULL,                 -- as the decision saw it
    reason   TEXT
) STRICT;

CREATE INDEX findings_by_check ON findings (check_id, plan, phase, at);
CREATE INDEX findings_by_time ON findings (at);

CREATE TABLE finding_values (
    finding INTEGER NOT NULL REFERENCES findings ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    field   TEXT NOT NULL,
    value   REAL NOT NULL,
    unit    TEXT,                           -- B (bytes), s (seconds), % or nothing
    ruled   INTEGER NOT NULL,               -- 1 where a rule of the check is about it
    PRIMARY KEY (finding, place)
) STRICT, WITHOUT ROWID;

-- What somebody was told last of each check, so that nothing is told twice.
CREATE TABLE told (
    plan     TEXT NOT NULL,
    phase    TEXT NOT NULL,
    check_id TEXT NOT NULL,
    health   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    unknown  INTEGER NOT NULL,              -- so many times in a row it could not be told how the check stands
    PRIMARY KEY (plan, phase, check_id)
) STRICT, WITHOUT ROWID;

-- Every result of every check, whatever the occasion.
CREATE VIEW results AS
    SELECT at, occasion, plan, phase, check_id, outcome, counted, NULL AS generation FROM findings
    UNION ALL
    SELECT checks.at, 'run-' || moment, plan, phase, check_id, outcome, counted, generation
    FROM checks JOIN generations USING (generation);

CREATE VIEW runs AS
    SELECT run, plan, revision, min(generation) AS first, max(generation) AS latest,
           min(began) AS began, max(last) AS last, max(verdict) AS verdict
    FROM generations GROUP BY run;
