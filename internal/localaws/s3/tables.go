package s3

// schema is the state of S3. Times are Unix nanoseconds.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS s3_bucket (
		id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
		created INTEGER NOT NULL, settings TEXT NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS s3_bucket_account ON s3_bucket (account, name)`,

	// A row is a version of an object, or a delete marker. Within a key, the later version has the greater id.
	`CREATE TABLE IF NOT EXISTS s3_object (
		id INTEGER PRIMARY KEY AUTOINCREMENT, bucket INTEGER NOT NULL REFERENCES s3_bucket, key TEXT NOT NULL, version TEXT NOT NULL,
		latest INTEGER NOT NULL, marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
		modified INTEGER NOT NULL, head TEXT NOT NULL, UNIQUE (bucket, key, version))`,
	`CREATE UNIQUE INDEX IF NOT EXISTS s3_object_latest ON s3_object (bucket, key) WHERE latest = 1`,

	`CREATE TABLE IF NOT EXISTS s3_piece (
		object INTEGER NOT NULL REFERENCES s3_object ON DELETE CASCADE, seq INTEGER NOT NULL,
		blob INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (object, seq)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS s3_piece_blob ON s3_piece (blob)`,
	`CREATE TABLE IF NOT EXISTS s3_chunk (
		blob INTEGER NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (blob, seq))`,

	`CREATE TABLE IF NOT EXISTS s3_upload (
		id TEXT PRIMARY KEY, bucket INTEGER NOT NULL REFERENCES s3_bucket, key TEXT NOT NULL, initiated INTEGER NOT NULL,
		initiator TEXT NOT NULL, head TEXT NOT NULL, algorithm TEXT NOT NULL, kind TEXT NOT NULL, chosen INTEGER NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS s3_upload_key ON s3_upload (bucket, key, id)`,
	`CREATE TABLE IF NOT EXISTS s3_part (
		upload TEXT NOT NULL REFERENCES s3_upload ON DELETE CASCADE, number INTEGER NOT NULL, blob INTEGER NOT NULL,
		size INTEGER NOT NULL, etag TEXT NOT NULL, checksum TEXT NOT NULL, modified INTEGER NOT NULL,
		PRIMARY KEY (upload, number)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS s3_part_blob ON s3_part (blob)`,
}
