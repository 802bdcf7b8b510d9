package ledger

// applicationID stands in the header of every ledger ("drbl"), so that a file
// can be told from any other SQLite database before anything is written to it.
const applicationID = 0x6472626c

// migrations bring a file from version i to i+1. What has been released is never
// edited: add one to the end. Columns beside record only serve to find rows, and
// a migration may fill new ones from it; the chain covers record alone.
var migrations = []string{`
CREATE TABLE changes (
	row         INTEGER PRIMARY KEY,
	uid         TEXT    NOT NULL UNIQUE,
	change      TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	outcome     TEXT    NOT NULL,
	finished    INTEGER NOT NULL, -- microseconds since 1970-01-01 UTC
	record      TEXT    NOT NULL, -- canonical JSON
	previous    TEXT    NOT NULL,
	hash        TEXT    NOT NULL UNIQUE
) STRICT;
CREATE INDEX changes_change      ON changes (change);
CREATE INDEX changes_environment ON changes (environment, row);

CREATE TABLE resources (
	row       INTEGER NOT NULL REFERENCES changes (row),
	component INTEGER NOT NULL, -- position in the record, from 0
	position  INTEGER NOT NULL, -- position in the component, from 0
	plane     TEXT    NOT NULL,
	type      TEXT    NOT NULL,
	namespace TEXT    NOT NULL,
	name      TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	PRIMARY KEY (row, component, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX resources_name ON resources (name, type, namespace, row);
CREATE INDEX resources_id   ON resources (id, row) WHERE id <> '';

CREATE TRIGGER changes_continue_the_chain BEFORE INSERT ON changes BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: the row does not continue the chain')
	WHERE NEW.row IS NOT (SELECT coalesce(max(row), 0) + 1 FROM changes)
	   OR NEW.previous <> coalesce((SELECT hash FROM changes ORDER BY row DESC LIMIT 1), printf('%064d', 0))
	   OR EXISTS (SELECT 1 FROM changes WHERE uid = NEW.uid OR hash = NEW.hash);
END;
CREATE TRIGGER changes_no_update BEFORE UPDATE ON changes BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: no update');
END;
CREATE TRIGGER changes_no_delete BEFORE DELETE ON changes BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: no delete');
END;
CREATE TRIGGER resources_belong_to_the_newest BEFORE INSERT ON resources BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: resources come with their row')
	WHERE NEW.row IS NOT (SELECT max(row) FROM changes)
	   OR EXISTS (SELECT 1 FROM resources WHERE row = NEW.row AND component = NEW.component AND position = NEW.position);
END;
CREATE TRIGGER resources_no_update BEFORE UPDATE ON resources BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: no update');
END;
CREATE TRIGGER resources_no_delete BEFORE DELETE ON resources BEGIN
	SELECT RAISE(ABORT, 'the ledger is append-only: no delete');
END;
`}
