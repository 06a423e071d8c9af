/** The writer on a real MariaDB: one transaction a job, each record once, rejects beside rows. */

import { bigint, smallint, unique, varchar } from "drizzle-orm/mysql-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { LogRecord } from "../../src/core/ports.ts";
import {
  bytesText,
  defineStream,
  position,
  type Stream,
  streamTable,
} from "../../src/stream/mod.ts";
import { MariaDbCheckpoints } from "../../src/writer/checkpoints.ts";
import { TableWriter } from "../../src/writer/sink.ts";
import telemetry from "../../streams/telemetry.ts";
import { makeRows, makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { job, record } from "../support/jobs.ts";

/** A stream whose schema lets everything through, so that MariaDB is the one who refuses. */
const looseTable = streamTable("loose", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  name: bytesText("name", { length: 8 }).notNull(),
  level: smallint("level").notNull(),
  note: varchar("note", { length: 4 }),
  code: varchar("code", { length: 8 }),
  version: bigint("version", { mode: "number" }),
  ...position(),
}, (columns) => [
  unique("loose_identity").on(columns.name),
  unique("loose_code").on(columns.code),
]);

const LOOSE_DDL = `CREATE TABLE loose (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL UNIQUE,
  level SMALLINT NOT NULL, note VARCHAR(4), code VARCHAR(8) UNIQUE, version BIGINT,
  kafka_partition INT NOT NULL, kafka_offset BIGINT UNSIGNED NOT NULL) ENGINE=InnoDB`;

interface Loose {
  name: string;
  level: number;
  note?: string;
  code?: string;
  version?: number;
}

function looseStream(conflict: "ignore" | "replace" | "error"): Stream {
  return defineStream({
    name: "loose",
    event: z.custom<Loose>((value) => typeof value === "object" && value !== null),
    identity: ["name"],
    conflict,
    ...(conflict === "replace" ? { version: "version" } : {}),
    topic: { partitions: 1 },
    sinks: [{ table: looseTable, row: (event) => event }],
  }) as Stream;
}

let db: TestDatabase;
beforeAll(async () => {
  db = await makeTestDatabase();
  await db.query(LOOSE_DDL);
});
afterAll(() => db?.drop());
beforeEach(async () => {
  for (const table of ["telemetry", "loose", "millrace_checkpoints", "millrace_dead_letters"]) {
    await db.query(`DELETE FROM ${table}`);
  }
});

async function open(stream: Stream) {
  await makeRows(db.database, stream);
  const writer = new TableWriter(stream, stream.sinks[0]!, stream.name, db.database);
  const checkpoints = new MariaDbCheckpoints(db.database);
  const epoch = (await checkpoints.read(stream.name, "table")).get(0)!.epoch;
  const settle = (records: LogRecord[], parts = {}) =>
    writer.settle(job({ stream: stream.name, epoch, records, ...parts }));
  return { writer, checkpoints, epoch, settle };
}

const device = (n: number, parts = {}) => ({
  deviceId: `d${n}`,
  at: "2026-11-21T03:30:00.123456Z",
  powerW: 1.5,
  status: "ok",
  ...parts,
});

const counters = async () => {
  const [row] = await db.query(
    "SELECT next_offset AS next, records, loaded_rows AS `rows`, repeated, ignored, dead " +
      "FROM millrace_checkpoints WHERE kafka_partition = 0",
  );
  return row;
};

describe("telemetry", () => {
  test("a job's records become rows in order and the checkpoint moves with them", async () => {
    const { settle } = await open(telemetry as Stream);
    const row = await settle([record(0, device(1)), record(1, device(2)), record(4, device(3))], {
      next: 7,
    });
    expect(row).toMatchObject({ next: 7, state: "run" });
    const rows = await db.query("SELECT * FROM telemetry ORDER BY id");
    expect(rows.map((r) => [r.device_id, r.at, r.power_w, r.status, r.kafka_offset])).toEqual([
      ["d1", "2026-11-21 03:30:00.123456", 1.5, "ok", 0],
      ["d2", "2026-11-21 03:30:00.123456", 1.5, "ok", 1],
      ["d3", "2026-11-21 03:30:00.123456", 1.5, "ok", 4],
    ]);
    expect(await counters()).toMatchObject({ next: 7, records: 3, rows: 3 });
  });

  test("a job that is run again writes nothing and answers where the row stands", async () => {
    const { writer, epoch } = await open(telemetry as Stream);
    const first = job({ epoch, records: [record(0, device(1))] });
    await writer.settle(first);
    expect(await writer.settle(first)).toMatchObject({ next: 1 });
    expect(await counters()).toMatchObject({ records: 1, rows: 1 });
  });

  test("gaps, other epochs, edits and paused rows write nothing", async () => {
    const { writer, epoch } = await open(telemetry as Stream);
    const records = [record(3, device(1))];
    expect(await writer.settle(job({ epoch, records }))).toMatchObject({ next: 0 });
    expect(await writer.settle(job({ epoch: "1", records, first: 0 }))).toMatchObject({ next: 0 });
    const edited = job({ epoch, records, first: 0 });
    edited.records = [record(3, device(2))];
    expect(await writer.settle(edited)).toMatchObject({ next: 0 });
    await db.query("UPDATE millrace_checkpoints SET state = 'pause'");
    expect(await writer.settle(job({ epoch, records, first: 0 }))).toMatchObject({
      next: 0,
      state: "pause",
    });
    expect(await db.query("SELECT * FROM telemetry")).toEqual([]);
  });

  test("copies in one batch and across batches are counted as repeated", async () => {
    const { settle } = await open(telemetry as Stream);
    await settle([record(0, device(1)), record(1, device(1)), record(2, device(2))]);
    await settle([record(3, device(3)), record(4, device(2)), record(5, device(1))]);
    expect(await counters()).toMatchObject({ records: 6, rows: 3, repeated: 3, dead: 0 });
    const rows = await db.query("SELECT device_id FROM telemetry ORDER BY id");
    expect(rows.map((row) => row.device_id)).toEqual(["d1", "d2", "d3"]);
  });

  test("an empty interval moves the checkpoint", async () => {
    const { settle } = await open(telemetry as Stream);
    expect(await settle([], { first: 0, next: 9 })).toMatchObject({ next: 9 });
  });

  test("a dead letter keeps its bytes, and a copy of it is kept once", async () => {
    const { settle } = await open(telemetry as Stream);
    const bad = { key: "d1", id: "x-1", headers: [["traceparent", "00-ab"]] as [string, string][] };
    await settle([
      record(0, "{not json", bad),
      record(1, "{not json", bad),
      record(2, new Uint8Array([0xff, 0xfe])),
    ]);
    const letters = await db.query("SELECT * FROM millrace_dead_letters ORDER BY id");
    expect(letters.map((l) => [l.code, l.event_id, l.payload.toString("latin1")])).toEqual([
      ["REJECT_DECODE", "x-1", "{not json"],
      ["REJECT_DECODE", null, "\xff\xfe"],
    ]);
    expect(await counters()).toMatchObject({ records: 3, rows: 0, repeated: 1, dead: 2 });
  });

  test("dead letters of one id with other bytes are all kept", async () => {
    const { settle } = await open(telemetry as Stream);
    await settle([record(0, "{one", { id: "x-1" }), record(1, "{two", { id: "x-1" })]);
    await settle([record(2, "{two", { id: "x-1" }), record(3, "{one", { id: "x-2" })]);
    const letters = await db.query("SELECT kafka_offset AS o FROM millrace_dead_letters");
    expect(letters.map(({ o }) => o).sort()).toEqual([0, 1, 3]);
    expect(await counters()).toMatchObject({ records: 4, repeated: 1, dead: 3 });
  });
});

describe("what MariaDB refuses", () => {
  test("bad rows are isolated and their neighbours load in order", async () => {
    const { settle } = await open(looseStream("ignore"));
    const records = Array.from({ length: 40 }, (_, i) => record(i, { name: `n${i}`, level: i }));
    records[3] = record(3, { name: "much too long", level: 1 });
    records[11] = record(11, { name: "n11", level: null });
    records[12] = record(12, { name: "n12", level: 99_999 });
    records[39] = record(39, { name: "n39", level: "seven" });
    await settle(records);
    const letters = await db.query(
      "SELECT kafka_offset AS o, code, errno, column_name AS c " +
        "FROM millrace_dead_letters ORDER BY id",
    );
    expect(letters.map((l) => [l.o, l.code, l.errno, l.c])).toEqual([
      [3, "REJECT_ROW", 1406, "name"],
      [11, "REJECT_ROW", 1048, "level"],
      [12, "REJECT_ROW", 1264, "level"],
      [39, "REJECT_ROW", 1366, "level"],
    ]);
    const rows = await db.query("SELECT kafka_offset AS o FROM loose ORDER BY id");
    const good = records.map((r) => r.offset).filter((o) => ![3, 11, 12, 39].includes(o));
    expect(rows.map((row) => row.o)).toEqual(good);
  });

  test("another unique key that is taken is a reject, not a copy", async () => {
    const { settle } = await open(looseStream("ignore"));
    await settle([
      record(0, { name: "a", level: 1, code: "k" }),
      record(1, { name: "b", level: 1, code: "k" }),
    ]);
    expect(await counters()).toMatchObject({ rows: 1, repeated: 0, dead: 1 });
  });

  test.each(
    [
      ["ignore", { rows: 1, repeated: 1, ignored: 1, dead: 0 }, 1],
      ["error", { rows: 1, repeated: 1, ignored: 0, dead: 1 }, 1],
      ["replace", { rows: 2, repeated: 1, ignored: 0, dead: 0 }, 2],
    ] as const,
  )("conflict %s", async (conflict, counts, level) => {
    const { settle } = await open(looseStream(conflict));
    await settle([
      record(0, { name: "a", level: 1, version: 1 }),
      record(1, { name: "a", level: 1, version: 1 }),
      record(2, { name: "a", level: 2, version: 2 }),
    ]);
    expect(await counters()).toMatchObject({ records: 3, ...counts });
    expect((await db.query("SELECT level FROM loose"))[0]!.level).toBe(level);
  });

  test("an older version does not replace a newer one", async () => {
    const { settle } = await open(looseStream("replace"));
    await settle([record(0, { name: "a", level: 2, version: 2 })]);
    await settle([record(1, { name: "a", level: 1, version: 1 })]);
    expect(await counters()).toMatchObject({ rows: 1, ignored: 1 });
  });

  test("a missing column halts the stream with its reason and stores nothing", async () => {
    const { settle } = await open(looseStream("ignore"));
    await db.query("ALTER TABLE loose RENAME COLUMN note TO note2");
    try {
      const row = await settle([record(0, { name: "a", level: 1 })]);
      expect(row).toMatchObject({ state: "halt", next: 0 });
      expect(row.reason).toMatch(/^HALT_TABLE: .*note/);
    } finally {
      await db.query("ALTER TABLE loose RENAME COLUMN note2 TO note");
    }
  });
});
