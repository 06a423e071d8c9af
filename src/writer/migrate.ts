/**
 * Makes the tables and the checkpoint rows. Only this does DDL, under a lock, as the migrator's
 * user; the roles' user may not.
 */

import { getTableName, is, sql, Table } from "drizzle-orm";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { drizzle } from "drizzle-orm/mysql2";
import type { MySqlDialect, MySqlSession } from "drizzle-orm/mysql-core";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import mysql from "mysql2/promise";
import * as ownTables from "../../drizzle/schema.ts";
import { checkpoints } from "../../drizzle/schema.ts";
import type { LogBounds } from "../core/ports.ts";
import type { Stream } from "../stream/mod.ts";
import type { Database } from "./database.ts";

const MIGRATIONS = fileURLToPath(new URL("../../drizzle/migrations", import.meta.url));
const LOCK_SECONDS = 60;

/** Applies what is missing of `drizzle/migrations`, with the prefix before the tables' names. */
export async function migrateTables(
  adminUrl: string,
  prefix: string,
  streams: Stream[],
): Promise<void> {
  const connection = await mysql.createConnection({ uri: adminUrl, timezone: "Z" });
  try {
    const lock = `${prefix}millrace_migrate`;
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      "SELECT GET_LOCK(?, ?) AS locked",
      [lock, LOCK_SECONDS],
    );
    if (Number(rows[0]?.locked) !== 1) {
      throw new Error(`Cannot migrate: another migration holds the lock for ${LOCK_SECONDS} s`);
    }
    const migrations = readMigrationFiles({ migrationsFolder: MIGRATIONS }).map((migration) => ({
      ...migration,
      sql: migration.sql.map((text) => withPrefix(text, prefix, streams)),
    }));
    const db = drizzle(connection) as unknown as { dialect: MySqlDialect; session: MySqlSession };
    await db.dialect.migrate(migrations, db.session, {
      migrationsFolder: MIGRATIONS,
      migrationsTable: `${prefix}millrace_migrations`,
    });
  } finally {
    connection.destroy();
  }
}

/** The generated SQL has the plain names; tables here already have the prefix in theirs. */
function withPrefix(text: string, prefix: string, streams: Stream[]): string {
  if (prefix === "") return text;
  const tables = [
    ...Object.values<unknown>(ownTables).filter((value): value is Table => is(value, Table)),
    ...streams.flatMap((stream) => stream.sinks.map((sink) => sink.table)),
  ];
  return tables.map(getTableName).reduce(
    (result, name) => result.replaceAll(`\`${name.slice(prefix.length)}\``, `\`${name}\``),
    text,
  );
}

/**
 * Makes the checkpoint rows that are missing, at the beginning of each partition's log. A row is
 * made once; what stands is never touched. Answers how many were made.
 */
export async function makeCheckpoints(
  database: Database,
  stream: Stream,
  bounds: Map<number, LogBounds>,
): Promise<number> {
  const rows = stream.sinks.flatMap((sink) =>
    [...bounds].map(([partition, { topicId, low }]) => ({
      stream: stream.name,
      sink: sink.name,
      kafkaPartition: partition,
      epoch: newEpoch(),
      next: low,
      topicId,
    }))
  );
  if (rows.length === 0) return 0;
  return await database.transaction(async (tx) => {
    const [result] = await tx.db.insert(checkpoints).values(rows)
      .onDuplicateKeyUpdate({ set: { stream: sql`${checkpoints.stream}` } });
    return result.affectedRows;
  });
}

/** A random 64-bit number, in decimal. */
export function newEpoch(): string {
  return randomBytes(8).readBigUInt64BE().toString();
}
