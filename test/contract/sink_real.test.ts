/** The writer on a real MariaDB; a person's moves are those of `millrace`. */

import { Buffer, isUtf8 } from "node:buffer";
import { bigint, int, unique, varchar } from "drizzle-orm/mysql-core";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import type { Bytes, PartitionKey } from "../../src/core/ports.ts";
import {
  bytesText,
  defineStream,
  position,
  type Stream,
  streamTable,
} from "../../src/stream/mod.ts";
import { MariaDbCheckpoints } from "../../src/writer/checkpoints.ts";
import type { Database } from "../../src/writer/database.ts";
import { adopt, pause, resume } from "../../src/writer/operate.ts";
import { TableWriter } from "../../src/writer/sink.ts";
import { makeRows, makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { describeSink, type SinkBench } from "./sink_suite.ts";

const table = streamTable("contract", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  key: bytesText("key", { length: 64 }).notNull(),
  seq: int("seq").notNull(),
  text: varchar("text", { length: 255 }).notNull(),
  version: bigint("version", { mode: "number" }).notNull(),
  ...position(),
}, (columns) => [unique("contract_identity").on(columns.key, columns.seq)]);

const DDL = `CREATE TABLE contract (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  \`key\` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  seq INT NOT NULL, \`text\` VARCHAR(255) NOT NULL, version BIGINT NOT NULL,
  kafka_partition INT NOT NULL, kafka_offset BIGINT UNSIGNED NOT NULL,
  UNIQUE contract_identity (\`key\`, seq)) ENGINE=InnoDB`;

const key: PartitionKey = { stream: "contract", sink: "table", partition: 0 };
const act = { who: "contract", reason: "a person's reason" };

function streamOf(conflict: "ignore" | "replace" | "error"): Stream {
  return defineStream({
    name: key.stream,
    event: z.object({
      key: z.string(),
      seq: z.number(),
      text: z.string(),
      version: z.number().default(0),
    }),
    identity: ["key", "seq"],
    conflict,
    ...(conflict === "replace" ? { version: "version" } : {}),
    topic: { partitions: 1 },
    sinks: [{ table, row: (event) => event }],
  }) as Stream;
}

let db: TestDatabase;
beforeAll(async () => {
  db = await makeTestDatabase();
  await db.query(DDL);
});
afterAll(() => db?.drop());

/** A database that can be told to lose what is said after the next COMMIT. */
class LossyDatabase implements Database {
  #replyLost = false;

  loseNextReply(): void {
    this.#replyLost = true;
  }

  async transaction<T>(work: Parameters<Database["transaction"]>[0]): Promise<T> {
    const result = await db.database.transaction(work);
    if (!this.#replyLost) return result as T;
    this.#replyLost = false;
    // As mysql2 says it.
    throw Object.assign(new Error("Connection lost: The server closed the connection."), {
      fatal: true,
      code: "PROTOCOL_CONNECTION_LOST",
    });
  }

  statementBytesMax(): Promise<number> {
    return db.database.statementBytesMax();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describeSink("of MariaDB", async ({ conflict }) => {
  const stream = streamOf(conflict);
  await makeRows(db.database, stream);
  const lossy = new LossyDatabase();
  const checkpoints = new MariaDbCheckpoints(db.database);
  const row = async () => (await checkpoints.read(key.stream, key.sink)).get(key.partition)!;
  return {
    sink: new TableWriter(stream, stream.sinks[0]!, key.stream, lossy),
    key,
    row,
    async stop(state) {
      if (state === "pause") await pause(db.database, key, act);
      else await checkpoints.halt(key, (await row()).epoch, act.reason);
    },
    resume: async () => void await resume(db.database, key, act),
    async moveTo(next) {
      const { topicId } = await row();
      await adopt(db.database, key, act, { topicId, low: next, high: next });
    },
    counters,
    rows: () => db.query("SELECT `key`, seq, `text` FROM contract ORDER BY id"),
    deadLetters,
    loseNextReply: () => lossy.loseNextReply(),
    async close() {
      for (const name of ["contract", "millrace_checkpoints", "millrace_dead_letters"]) {
        await db.query(`DELETE FROM ${name}`);
      }
    },
  };
}, { loseReplies: true });

async function counters() {
  const [row] = await db.query<Awaited<ReturnType<SinkBench["counters"]>>>(
    "SELECT records, loaded_rows AS `rows`, repeated, ignored, dead FROM millrace_checkpoints",
  );
  return row!;
}

async function deadLetters() {
  const letters = await db.query<{ offset: number; code: string; payload: Buffer | null }>(
    "SELECT kafka_offset AS `offset`, code, payload FROM millrace_dead_letters " +
      "ORDER BY kafka_offset",
  );
  return letters.map(({ offset, code, payload }) => ({ offset, code, value: asBytes(payload) }));
}

function asBytes(data: Buffer | null): Bytes | null {
  if (data === null) return null;
  return isUtf8(data) ? data.toString("utf8") : [data.toString("base64")];
}
