internal import MartletDatabase

/// The schema of the registry. Every row begins with its tenant and workspace; times are microseconds since the epoch.
enum RegistryMigrations {
    static let all = Migrator([definitions, records])

    private static let definitions = Migration(
        1, "definitions and revisions",
        up: """
            CREATE TABLE definitions (
                tenant TEXT NOT NULL, workspace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
                version INTEGER NOT NULL, canonical TEXT NOT NULL, created_at BIGINT NOT NULL, created_by TEXT NOT NULL,
                PRIMARY KEY (tenant, workspace, kind, name, version));
            CREATE TABLE revisions (
                tenant TEXT NOT NULL, workspace TEXT NOT NULL, revision INTEGER NOT NULL, parent INTEGER NOT NULL,
                reason TEXT NOT NULL, created_at BIGINT NOT NULL, created_by TEXT NOT NULL,
                PRIMARY KEY (tenant, workspace, revision));
            CREATE TABLE revision_definitions (
                tenant TEXT NOT NULL, workspace TEXT NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL,
                name TEXT NOT NULL, version INTEGER NOT NULL,
                PRIMARY KEY (tenant, workspace, revision, kind, name),
                FOREIGN KEY (tenant, workspace, revision) REFERENCES revisions (tenant, workspace, revision),
                FOREIGN KEY (tenant, workspace, kind, name, version)
                    REFERENCES definitions (tenant, workspace, kind, name, version));
            """,
        down: "DROP TABLE revision_definitions; DROP TABLE revisions; DROP TABLE definitions;")

    private static let records = Migration(
        2, "records of what was done",
        up: """
            CREATE TABLE records (
                tenant TEXT NOT NULL, workspace TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
                sequence INTEGER NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL,
                created_at BIGINT NOT NULL, created_by TEXT NOT NULL,
                PRIMARY KEY (tenant, workspace, kind, id));
            CREATE UNIQUE INDEX records_by_sequence ON records (tenant, workspace, kind, sequence);
            CREATE INDEX records_by_subject ON records (tenant, workspace, kind, subject, sequence);
            """,
        down: "DROP TABLE records;")
}
