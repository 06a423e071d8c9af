/** `verify` on a real MariaDB: silent where all is well, and loud for each kind of breach. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lineOf } from "../../src/cli/verify.ts";
import { isBreach, verifyPipeline } from "../../src/cli/verify_pipeline.ts";
import { EventMaker, type Made, seededRandom } from "../../src/cli/simulated_events.ts";
import { planLedger } from "../../src/ledger/passes.ts";
import { LedgerWriter } from "../../src/ledger/writer.ts";
import { sealJob } from "../../src/core/job.ts";
import type { Bytes, LogRecord } from "../../src/core/ports.ts";
import type { Stream } from "../../src/stream/mod.ts";
import { MariaDbCheckpoints } from "../../src/writer/checkpoints.ts";
import { TableWriter } from "../../src/writer/sink.ts";
import { streams } from "../../streams/mod.ts";
import { simulated } from "../../streams/simulated/mod.ts";
import { makeRows, makeTestDatabase, type TestDatabase } from "../support/database.ts";

const EVENTS = 600;
let own: TestDatabase;
let folder: string;
let ledgers = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "verify-"));
  own = await makeTestDatabase();
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await own.drop();
});

/** Loads simulated events into partition 0, with a few copies; answers the proof. */
async function load(stream: Stream, { withLedger = true } = {}) {
  await makeRows(own.database, stream);
  const made = makeEvents(stream);
  const path = join(folder, `ledger-${ledgers++}`);
  const writer = new LedgerWriter(path, { stream: stream.name, run: "run" });
  for (const event of made) writer.event(event);
  writer.answer(1, made.map((event) => event.n));
  writer.close();
  const sent = [...made, made[3]!, made[40]!, ...made.slice(-1)];
  await settle(stream, sent.map(recordOf));
  const sink = stream.sinks[0]!;
  const pipeline = { database: own.database, prefix: "", stream, sink };
  return () => verifyPipeline(pipeline, withLedger ? planLedger(path, 200) : null);
}

function makeEvents(stream: Stream): Made[] {
  const maker = new EventMaker({
    stream,
    simulated: simulated[stream.name]!,
    run: "run",
    keyIndexes: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    poisonShare: 0.03,
    random: seededRandom(7),
  });
  return Array.from({ length: EVENTS }, (_, n) => maker.make(n));
}

function recordOf({ id, key, bytes }: Made, offset: number): LogRecord {
  const text = Buffer.from(bytes).toString();
  const isText = Buffer.from(text).equals(Buffer.from(bytes));
  const value: Bytes = isText ? text : [Buffer.from(bytes).toString("base64")];
  return { offset, timestampMs: 0, key, id, headers: [], value, bytes: bytes.length };
}

async function settle(stream: Stream, records: LogRecord[]): Promise<void> {
  const sink = stream.sinks[0]!;
  const checkpoints = new MariaDbCheckpoints(own.database);
  const row = (await checkpoints.read(stream.name, sink.name)).get(0)!;
  const { epoch, topicId } = row;
  const next = records.length;
  const key = { stream: stream.name, sink: sink.name, partition: 0 };
  const job = sealJob({
    ...key,
    id: "j",
    epoch,
    topicId,
    first: 0,
    next,
    trigger: "rows",
    records,
  });
  const writer = new TableWriter(stream, sink, stream.name, own.database);
  expect((await writer.settle(job)).next).toBe(next);
}

const telemetry = streams.find((stream) => stream.name === "telemetry")!;

test.each(streams.map((stream) => [stream.name, stream] as const))(
  "%s as it was sent is clean, at the edges of numbers and texts too",
  async (_, stream) => {
    const report = await (await load(stream))();
    expect(lineOf(report)).toMatch(
      /603 sent = 5\d\d loaded \+ 3 repeated \+ 0 ignored \+ \d+ dead/,
    );
    expect(lineOf(report)).toMatch(/dead · missing 0 · doubled 0 · out of order 0$/);
    expect(report.dead).toBeGreaterThan(5);
    expect(isBreach(report)).toBe(false);
    expect(report.unknown).toBe(0);
  },
);

const BREACHES: [name: string, field: string, text: string[]][] = [
  ["a row that is gone", "missing", ["DELETE FROM telemetry ORDER BY id LIMIT 1 "]],
  ["a letter that is gone", "missing", ["DELETE FROM millrace_dead_letters LIMIT 1"]],
  ["a row twice", "doubled", [
    "ALTER TABLE telemetry DROP INDEX telemetry_identity",
    `INSERT INTO telemetry (device_id, at, power_w, status, kafka_partition, kafka_offset)
     SELECT device_id, at, power_w, status, kafka_partition, kafka_offset FROM telemetry LIMIT 1`,
  ]],
  ["two rows in each other's place", "outOfOrder", [
    `UPDATE telemetry AS t JOIN (SELECT MIN(id) AS a, MAX(id) AS b FROM telemetry) AS ends
     ON t.id = ends.a SET t.id = ends.b + 1`,
  ]],
  ["a row beyond the checkpoint", "beyond", [
    "UPDATE telemetry SET kafka_offset = 99999 ORDER BY id DESC LIMIT 1",
  ]],
  ["a counter that does not add up", "unbalanced", [
    "UPDATE millrace_checkpoints SET repeated = repeated + 1 WHERE kafka_partition = 0",
  ]],
];

test.each(BREACHES)("%s is found by the tables alone: %s", async (_, field, texts) => {
  const prove = await load(telemetry, { withLedger: false });
  expect(isBreach(await prove())).toBe(false);
  for (const text of texts) await own.query(text);
  const report = await prove();
  expect(report).toMatchObject({ [field]: 1 });
  expect(isBreach(report)).toBe(true);
});

test.each<[string, string, string]>([
  ["a value that differs in its last bit", "altered", "power_w = power_w + 1e-13"],
  ["another status", "altered", "status = IF(status = 'ok', 'warn', 'ok')"],
  ["another moment", "missing", "at = at + INTERVAL 1 YEAR"],
])("with a ledger %s is found: %s", async (_, field, change) => {
  const prove = await load(telemetry);
  await own.query(`UPDATE telemetry SET ${change} WHERE power_w BETWEEN 1 AND 900 LIMIT 1`);
  const report = await prove();
  expect(report).toMatchObject({ [field]: 1 });
});

test("with a ledger the order of a key is seen where offsets tell nothing", async () => {
  const prove = await load(telemetry);
  // Both rows are of one device; offsets, seen alone, stay in order.
  const rows = await own.query<{ id: number; at: string }>(
    "SELECT id, at FROM telemetry WHERE device_id = 'device-run-3' AND power_w < 1000 " +
      "ORDER BY id LIMIT 2",
  );
  const swap = (from: number, to: string) =>
    own.query("UPDATE telemetry SET at = ? WHERE id = ?", [to, from]);
  await swap(rows[0]!.id, "2001-01-01");
  await swap(rows[1]!.id, rows[0]!.at);
  await swap(rows[0]!.id, rows[1]!.at);
  expect(await prove()).toMatchObject({ outOfOrder: 1 });
});
