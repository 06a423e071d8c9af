/** A database of its own for a test, with all tables; dropped at the end. */

import { randomBytes } from "node:crypto";
import process from "node:process";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import type { Stream } from "../../src/stream/mod.ts";
import { type Database, openDatabase } from "../../src/writer/database.ts";
import { makeCheckpoints, migrateTables } from "../../src/writer/migrate.ts";
import { streams } from "../../streams/mod.ts";

export interface TestDatabase {
  name: string;
  /** For the roles' user. */
  url: string;
  adminUrl: string;
  database: Database;
  query<Row = RowDataPacket>(text: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

export async function makeTestDatabase(): Promise<TestDatabase> {
  const base = required("MILLRACE_ADMIN_DATABASE_URL");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = await mysql.createConnection({ uri: base });
  await server.query(`CREATE DATABASE ${name}`);
  await server.end();
  const adminUrl = withDatabase(base, name);
  const url = withDatabase(required("DATABASE_URL"), name);
  await migrateTables(adminUrl, "", streams);
  const admin: Connection = await mysql.createConnection({
    uri: adminUrl,
    dateStrings: true,
    timezone: "Z",
  });
  const database = openDatabase(url, 4);
  return {
    name,
    url,
    adminUrl,
    database,
    async query<Row>(text: string, values: unknown[] = []) {
      const [rows] = await admin.query<RowDataPacket[]>(text, values);
      return rows as Row[];
    },
    async drop() {
      await database.close();
      await admin.query(`DROP DATABASE ${name}`);
      await admin.end();
    },
  };
}

/** Makes the checkpoint rows of a stream at offset 0 of a topic of that id. */
export async function makeRows(
  database: Database,
  stream: Stream,
  topicId = "topic-a",
): Promise<void> {
  const bounds = Array.from(
    { length: stream.topic.partitions },
    (_, partition) => [partition, { topicId, low: 0, high: 0 }] as const,
  );
  await makeCheckpoints(database, stream, new Map(bounds));
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run the suites with npm test`);
  return value;
}
