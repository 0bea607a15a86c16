-- Every table belongs to projects: the project leads each primary key, and no query goes without it.
-- Types are those that SQLite and PostgreSQL both take. Times are microseconds since 1970 UTC. BYTEA columns named
-- sealed_* hold AEAD under the project's key.

CREATE TABLE dataset (
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	version BIGINT NOT NULL,
	row_count BIGINT NOT NULL,
	segments BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (project, name)
);

CREATE TABLE dataset_version (
	project TEXT NOT NULL,
	dataset TEXT NOT NULL,
	number BIGINT NOT NULL,
	first_segment BIGINT NOT NULL,
	watermark BIGINT NOT NULL,
	row_count BIGINT NOT NULL,
	digest TEXT NOT NULL,
	columns_json TEXT NOT NULL,
	sealed_profile BYTEA,
	origin TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (project, dataset, number)
);

CREATE TABLE dataset_segment (
	project TEXT NOT NULL,
	dataset TEXT NOT NULL,
	ordinal BIGINT NOT NULL,
	blob_name TEXT NOT NULL,
	blob_bytes BIGINT NOT NULL,
	blob_at BIGINT NOT NULL,
	row_count BIGINT NOT NULL,
	digest TEXT NOT NULL,
	PRIMARY KEY (project, dataset, ordinal)
);

CREATE TABLE dataset_erasure (
	project TEXT NOT NULL,
	dataset TEXT NOT NULL,
	segment BIGINT NOT NULL,
	erased BYTEA NOT NULL,
	PRIMARY KEY (project, dataset, segment)
);

CREATE TABLE run (
	project TEXT NOT NULL,
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	stopping BOOLEAN NOT NULL,
	spec TEXT NOT NULL,
	sealed_result BYTEA,
	sealed_problem BYTEA,
	attempt BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	step BIGINT NOT NULL,
	checkpoint_name TEXT NOT NULL,
	checkpoint_bytes BIGINT NOT NULL,
	checkpoint_at BIGINT NOT NULL,
	holder TEXT NOT NULL,
	token BIGINT NOT NULL,
	lease_until BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	started_at BIGINT,
	finished_at BIGINT,
	PRIMARY KEY (project, id)
);

CREATE INDEX run_state ON run (state, created_at);

CREATE TABLE run_event (
	project TEXT NOT NULL,
	run TEXT NOT NULL,
	seq BIGINT NOT NULL,
	at BIGINT NOT NULL,
	kind TEXT NOT NULL,
	sealed_data BYTEA NOT NULL,
	PRIMARY KEY (project, run, seq)
);

CREATE TABLE model (
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	last_number BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (project, name)
);

CREATE TABLE model_version (
	project TEXT NOT NULL,
	model TEXT NOT NULL,
	number BIGINT NOT NULL,
	blob_name TEXT NOT NULL,
	blob_bytes BIGINT NOT NULL,
	blob_at BIGINT NOT NULL,
	digest TEXT NOT NULL,
	task TEXT NOT NULL,
	recipe TEXT NOT NULL,
	sealed_manifest BYTEA,
	sealed_evaluation BYTEA,
	run TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (project, model, number)
);

CREATE TABLE model_alias (
	project TEXT NOT NULL,
	model TEXT NOT NULL,
	alias TEXT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (project, model, alias)
);

CREATE TABLE endpoint (
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	is_default BOOLEAN NOT NULL,
	revision BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (project, name)
);

CREATE TABLE endpoint_route (
	project TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	ordinal BIGINT NOT NULL,
	model TEXT NOT NULL,
	version BIGINT NOT NULL,
	alias TEXT NOT NULL,
	share BIGINT NOT NULL,
	PRIMARY KEY (project, endpoint, ordinal)
);

CREATE INDEX endpoint_route_model ON endpoint_route (project, model);

CREATE TABLE api_key (
	project TEXT NOT NULL,
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	scopes TEXT NOT NULL,
	limits TEXT NOT NULL,
	hash BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT,
	revoked_at BIGINT,
	PRIMARY KEY (project, id)
);

CREATE UNIQUE INDEX api_key_hash ON api_key (hash);

CREATE TABLE secret (
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	sealed_value BYTEA NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (project, name)
);

CREATE TABLE usage_record (
	project TEXT NOT NULL,
	key_id TEXT NOT NULL,
	unit TEXT NOT NULL,
	span TEXT NOT NULL,
	starts_at BIGINT NOT NULL,
	used BIGINT NOT NULL,
	PRIMARY KEY (project, key_id, unit, span, starts_at)
);

CREATE TABLE reply (
	project TEXT NOT NULL,
	caller TEXT NOT NULL,
	idempotency_key TEXT NOT NULL,
	fingerprint BYTEA NOT NULL,
	done BOOLEAN NOT NULL,
	status BIGINT NOT NULL,
	sealed_content BYTEA,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (project, caller, idempotency_key)
);

CREATE INDEX reply_expires_at ON reply (expires_at);
