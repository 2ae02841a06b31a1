package ssm

// phase is how far an invocation has come on its way to the node and back. It orders what Status cannot:
// whether a message was ever handed out decides what a cancel may do.
type phase int

const (
	phaseWaiting phase = iota // held back by MaxConcurrency
	phaseQueued               // its message waits for the node
	phaseHanded               // the node has been given the message
	phaseAcked                // the node has taken it
	phaseDone                 // terminal
)

// schema is the state of Systems Manager. Times are Unix nanoseconds; 0 is none.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS ssm_document (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
		created INTEGER NOT NULL, target_type TEXT NOT NULL, tags TEXT NOT NULL,
		default_version INTEGER NOT NULL, latest_version INTEGER NOT NULL,
		PRIMARY KEY (account, region, name)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS ssm_document_version (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
		created INTEGER NOT NULL, version_name TEXT NOT NULL, display_name TEXT NOT NULL,
		format TEXT NOT NULL, content TEXT NOT NULL, hash TEXT NOT NULL,
		PRIMARY KEY (account, region, name, version),
		FOREIGN KEY (account, region, name) REFERENCES ssm_document ON DELETE CASCADE) WITHOUT ROWID`,

	`CREATE TABLE IF NOT EXISTS ssm_command (
		seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
		requested INTEGER NOT NULL, expires INTEGER NOT NULL, document TEXT NOT NULL,
		status TEXT NOT NULL, details TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0,
		targets INTEGER NOT NULL, completed INTEGER NOT NULL DEFAULT 0,
		errors INTEGER NOT NULL DEFAULT 0, undelivered INTEGER NOT NULL DEFAULT 0,
		request TEXT NOT NULL, payload TEXT NOT NULL, limits TEXT NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS ssm_command_owner ON ssm_command (account, region, seq)`,

	`CREATE TABLE IF NOT EXISTS ssm_invocation (
		seq INTEGER PRIMARY KEY, command INTEGER NOT NULL REFERENCES ssm_command ON DELETE CASCADE,
		account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		phase INTEGER NOT NULL, status TEXT NOT NULL, details TEXT NOT NULL,
		due INTEGER NOT NULL, trace TEXT NOT NULL DEFAULT '', plugins TEXT NOT NULL DEFAULT '{}',
		UNIQUE (command, instance))`,
	`CREATE INDEX IF NOT EXISTS ssm_invocation_waiting ON ssm_invocation (command, seq) WHERE phase = 0`,
	`CREATE INDEX IF NOT EXISTS ssm_invocation_node ON ssm_invocation (account, region, instance, seq)`,
	`CREATE INDEX IF NOT EXISTS ssm_invocation_due ON ssm_invocation (due) WHERE phase < 4`,

	`CREATE TABLE IF NOT EXISTS ssm_message (
		id TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		command INTEGER NOT NULL REFERENCES ssm_command ON DELETE CASCADE,
		cancels TEXT NOT NULL, created INTEGER NOT NULL, visible INTEGER NOT NULL,
		PRIMARY KEY (account, region, instance, id)) WITHOUT ROWID`,

	`CREATE TABLE IF NOT EXISTS ssm_node (
		account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		registered INTEGER NOT NULL, pinged INTEGER NOT NULL, info TEXT NOT NULL,
		PRIMARY KEY (account, region, instance)) WITHOUT ROWID`,

	`ALTER TABLE ssm_document ADD COLUMN type TEXT NOT NULL DEFAULT 'Command'`,
	`CREATE TABLE IF NOT EXISTS ssm_document_share (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, shared_with TEXT NOT NULL, version TEXT NOT NULL,
		PRIMARY KEY (account, region, name, shared_with),
		FOREIGN KEY (account, region, name) REFERENCES ssm_document ON DELETE CASCADE) WITHOUT ROWID`,

	`DROP INDEX IF EXISTS ssm_invocation_phase`, // UNIQUE (command, instance) serves as well

	// The alarm that a command is stopped by, and the state in which it did.
	`ALTER TABLE ssm_command ADD COLUMN alarm TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE ssm_command ADD COLUMN triggered TEXT NOT NULL DEFAULT ''`,
	`CREATE INDEX IF NOT EXISTS ssm_command_alarm ON ssm_command (seq) WHERE alarm <> '' AND triggered = ''`,
}
