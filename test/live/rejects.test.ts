/** Bad records beside good ones: the good load in order, the bad are kept with their reason. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { install, type Installation, until } from "../support/installation.ts";
import { produce, readAll } from "../support/kafka.ts";

let millrace: Installation;
beforeAll(async () => {
  millrace = await install();
}, 120_000);
afterAll(() => millrace?.stop());

const good = (n: number) => ({
  deviceId: "d1",
  at: new Date(1_790_000_000_000 + n * 1_000).toISOString(),
  powerW: n,
  status: "ok",
});

/** Place among the good ones, what is wrong, its bytes, and the class it gets. */
const BAD: [place: number, what: string, value: Buffer, code: string][] = [
  [0, "not JSON", Buffer.from("{not json"), "REJECT_DECODE"],
  [100, "wrong type", text({ ...good(0), powerW: "much" }), "REJECT_SCHEMA"],
  [101, "too long for the column", text({ ...good(0), deviceId: "d".repeat(33) }), "REJECT_SCHEMA"],
  [500, "null in NOT NULL", text({ ...good(0), status: null }), "REJECT_SCHEMA"],
  [
    700,
    "out of range",
    Buffer.from(text(good(0)).toString().replace('"powerW":0', '"powerW":1e999')),
    "REJECT_DECODE",
  ],
  [701, "empty value", Buffer.alloc(0), "REJECT_DECODE"],
  [999, "not UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), "REJECT_DECODE"],
];

function text(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

test("1 000 good records load in order beside 7 bad ones", async () => {
  const topic = `${millrace.prefix}telemetry`;
  const messages = Array.from({ length: 1_000 }, (_, n) => [
    ...BAD.filter(([place]) => place === n).map(([, , value]) => value),
    text(good(n)),
  ]).flat().map((value) => ({ key: "d1", partition: 3, value }));
  await produce(topic, messages);
  await Promise.all([millrace.start("actor"), millrace.start("writer"), millrace.start("relay")]);

  const table = `${millrace.prefix}telemetry`;
  const letters = `${millrace.prefix}millrace_dead_letters`;
  await until("1 000 rows and 7 letters in their topic", 60_000, async () => {
    const [row] = await millrace.query<{ n: number; published: number }>(
      `SELECT (SELECT COUNT(*) FROM ${table}) AS n,
        (SELECT COUNT(*) FROM ${letters} WHERE published_at IS NOT NULL) AS published`,
    );
    return Number(row!.n) === 1_000 && Number(row!.published) === BAD.length;
  });

  const rows = await millrace.query(`SELECT power_w FROM ${table} ORDER BY id`);
  expect(rows.map((row) => row.power_w)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  const kept = await millrace.query(`SELECT code, payload FROM ${letters} ORDER BY kafka_offset`);
  expect(kept.map((row) => [row.code, row.payload])).toEqual(
    BAD.map(([, , value, code]) => [code, value]),
  );
  const published = await readAll(`${topic}-dlt`);
  expect(published.map(({ partition, key }) => [partition, key?.toString()])).toEqual(
    BAD.map(() => [3, "d1"]),
  );
  expect(published.map(({ value }) => value ?? Buffer.alloc(0))).toEqual(
    BAD.map(([, , value]) => value),
  );
  expect(published.map(({ headers }) => headers["millrace-code"])).toEqual(
    BAD.map(([, , , code]) => code),
  );
  expect(new Set(published.map(({ headers }) => headers["millrace-letter-id"])).size).toBe(7);
}, 120_000);
