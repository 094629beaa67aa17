package import MartletDatabase

/// The tables of the registry. Every row and every key begins with the tenant and the workspace. JSON stands in columns
/// that are only ever read as a whole.
package enum RegistrySchema {
    package static func migrator(for database: any Database) -> Migrator {
        Migrator(database: database, component: "registry", migrations: migrations)
    }

    package static let migrations = [
        Migration(
            number: 1, name: "definitions and revisions",
            up: """
                CREATE TABLE definition_versions (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    name TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    definition TEXT NOT NULL,
                    revision BIGINT NOT NULL,
                    applied_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, kind, name, version)
                );
                CREATE TABLE revisions (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    revision BIGINT NOT NULL,
                    parent BIGINT NOT NULL,
                    rolled_back_to BIGINT,
                    applied_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    idempotency_key TEXT,
                    PRIMARY KEY (tenant, workspace, revision),
                    UNIQUE (tenant, workspace, idempotency_key)
                );
                CREATE TABLE revision_members (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    revision BIGINT NOT NULL,
                    kind TEXT NOT NULL,
                    name TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    PRIMARY KEY (tenant, workspace, revision, kind, name),
                    FOREIGN KEY (tenant, workspace, revision) REFERENCES revisions (tenant, workspace, revision),
                    FOREIGN KEY (tenant, workspace, kind, name, version)
                        REFERENCES definition_versions (tenant, workspace, kind, name, version)
                );
                """,
            down: """
                DROP TABLE revision_members;
                DROP TABLE revisions;
                DROP TABLE definition_versions;
                """),
        Migration(
            number: 2, name: "records of data, runs and requests",
            up: """
                CREATE TABLE ingests (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    id BIGINT NOT NULL,
                    source TEXT NOT NULL,
                    idempotency_key TEXT NOT NULL,
                    origins TEXT NOT NULL,
                    rows_read BIGINT NOT NULL,
                    rows_landed BIGINT NOT NULL,
                    rows_quarantined BIGINT NOT NULL,
                    table_versions TEXT NOT NULL,
                    ingested_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, id),
                    UNIQUE (tenant, workspace, source, idempotency_key)
                );
                CREATE TABLE materializations (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    id BIGINT NOT NULL,
                    view TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    table_versions TEXT NOT NULL,
                    up_to BIGINT NOT NULL,
                    state TEXT NOT NULL,
                    progress TEXT,
                    row_count BIGINT NOT NULL,
                    started_at BIGINT NOT NULL,
                    ended_at BIGINT,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, id)
                );
                CREATE INDEX materializations_by_view ON materializations (tenant, workspace, view, id);
                CREATE TABLE training_sets (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    id BIGINT NOT NULL,
                    service TEXT NOT NULL,
                    revision BIGINT NOT NULL,
                    definition_versions TEXT NOT NULL,
                    table_versions TEXT NOT NULL,
                    label_input TEXT NOT NULL,
                    options TEXT NOT NULL,
                    output TEXT NOT NULL,
                    row_count BIGINT NOT NULL,
                    hash TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, id)
                );
                CREATE TABLE model_runs (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    id BIGINT NOT NULL,
                    service TEXT NOT NULL,
                    training_set BIGINT,
                    parameters TEXT NOT NULL,
                    metrics TEXT NOT NULL,
                    table_versions TEXT NOT NULL,
                    definition_versions TEXT NOT NULL,
                    model_path TEXT NOT NULL,
                    model_hash TEXT NOT NULL,
                    started_at BIGINT NOT NULL,
                    ended_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, id)
                );
                CREATE TABLE idempotency_keys (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    operation TEXT NOT NULL,
                    key TEXT NOT NULL,
                    request TEXT NOT NULL,
                    answer TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (tenant, workspace, operation, key)
                );
                """,
            down: """
                DROP TABLE idempotency_keys;
                DROP TABLE model_runs;
                DROP TABLE training_sets;
                DROP TABLE materializations;
                DROP TABLE ingests;
                """),
        Migration(
            number: 3, name: "what a training set holds",
            up: """
                ALTER TABLE training_sets ADD COLUMN label_digest TEXT;
                ALTER TABLE training_sets ADD COLUMN output_hash TEXT NOT NULL DEFAULT '';
                ALTER TABLE training_sets ADD COLUMN column_summaries TEXT NOT NULL DEFAULT '[]';
                UPDATE training_sets SET output_hash = hash, hash = '';
                """,
            down: """
                UPDATE training_sets SET hash = output_hash;
                ALTER TABLE training_sets DROP COLUMN label_digest;
                ALTER TABLE training_sets DROP COLUMN output_hash;
                ALTER TABLE training_sets DROP COLUMN column_summaries;
                """),
        Migration(
            number: 4, name: "replays beside the live records",
            up: """
                CREATE TABLE record_flips (
                    tenant TEXT NOT NULL,
                    workspace TEXT NOT NULL,
                    id BIGINT NOT NULL,
                    view TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    build TEXT NOT NULL,
                    previous TEXT NOT NULL,
                    flipped_at BIGINT NOT NULL,
                    principal TEXT NOT NULL,
                    PRIMARY KEY (tenant, workspace, id)
                );
                """,
            down: "DROP TABLE record_flips;"),
    ]
}
