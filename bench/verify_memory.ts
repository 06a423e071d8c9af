/**
 * How much memory and time `millrace verify --ledger` takes for many events: a table and a ledger
 * that agree are made, the verb runs as its own process, and the answer is one line of JSON.
 * `deno run -A bench/verify_memory.ts [events]`, with the services' addresses in the environment.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import mysql from "mysql2/promise";
import { RowShape } from "../src/cli/row_shape.ts";
import { ACCEPTED } from "../src/ledger/format.ts";
import { LedgerWriter } from "../src/ledger/writer.ts";
import { migrateTables } from "../src/writer/migrate.ts";
import { streams } from "../streams/mod.ts";

const EVENTS = Number(process.argv[2] ?? 10_000_000);
const KEYS = 12_000;
const PARTITIONS = 12;
const STEP = 1_000_000;
const START_MS = Date.UTC(2026, 0, 1);
const telemetry = streams.find((stream) => stream.name === "telemetry")!;

const database = `bench_${process.pid}`;
const server = process.env.MILLRACE_ADMIN_DATABASE_URL!;
const url = Object.assign(new URL(server), { pathname: `/${database}` }).href;
const folder = mkdtempSync(join(tmpdir(), "verify-memory-"));
const ledger = join(folder, "ledger");
const admin = await mysql.createConnection({ uri: server });
await admin.query(`CREATE DATABASE ${database}`);
try {
  await migrateTables(url, "", streams);
  await admin.query(`USE ${database}`);
  await fillTable();
  writeLedger();
  const ledgerBytes = statSync(ledger).size;
  console.log(JSON.stringify({ events: EVENTS, ledgerBytes, ...await runVerify() }));
} finally {
  await admin.query(`DROP DATABASE ${database}`);
  await admin.end();
  rmSync(folder, { recursive: true });
}

/** Event n is of key n mod KEYS and lies in partition n mod PARTITIONS. */
async function fillTable(): Promise<void> {
  for (let from = 0; from < EVENTS; from += STEP) {
    const to = Math.min(EVENTS, from + STEP) - 1;
    await admin.query(
      `INSERT INTO telemetry (device_id, at, power_w, status, kafka_partition, kafka_offset)
       SELECT CONCAT('device-bench-', seq MOD ${KEYS}), '2026-01-01' + INTERVAL seq SECOND,
         (seq MOD 50000) / 10, 'ok', seq MOD ${PARTITIONS}, seq DIV ${PARTITIONS}
       FROM seq_${from}_to_${to} ORDER BY seq`,
    );
  }
  await admin.query(
    `INSERT INTO millrace_checkpoints
       (stream, sink, kafka_partition, epoch, next_offset, topic_id, records, loaded_rows)
     SELECT 'telemetry', 'table', kafka_partition, 1, MAX(kafka_offset) + 1, 'bench',
       COUNT(*), COUNT(*) FROM telemetry GROUP BY kafka_partition`,
  );
}

function writeLedger(): void {
  const shape = new RowShape(telemetry, telemetry.sinks[0]!);
  const writer = new LedgerWriter(ledger, { stream: "telemetry", run: "bench" });
  for (let n = 0; n < EVENTS; n++) {
    const deviceId = `device-bench-${n % KEYS}`;
    const moment = new Date(START_MS + n * 1_000).toISOString();
    const at = `${moment.slice(0, 10)} ${moment.slice(11, 19)}.000000`;
    const row = { deviceId, at, powerW: (n % 50_000) / 10, status: "ok" };
    const seq = Math.floor(n / KEYS);
    const id = `0badcafe-${n}`;
    writer.event({ n, id, key: deviceId, seq, isPoison: false, ...shape.ofSent(row) });
    if (n % 400 === 399 || n === EVENTS - 1) {
      const first = n - n % 400;
      writer.answer(ACCEPTED, Array.from({ length: n - first + 1 }, (_, i) => first + i));
    }
  }
  writer.close();
}

async function runVerify() {
  const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const args = ["verify", "--ledger", ledger, "--stream", "telemetry", "--wait", "5s", "--json"];
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-prompt"] : [];
  const startMs = performance.now();
  const child = spawn(process.execPath, [...runtime, main, ...args], {
    env: { ...process.env, DATABASE_URL: url, MILLRACE_PREFIX: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let rssMbMax = 0;
  const looks = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    const peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    rssMbMax = Math.max(rssMbMax, Math.round(peakKb / 1024));
  }, 200);
  let report = "";
  child.stdout.on("data", (data: Uint8Array) => report += String(data));
  const exitCode = await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(looks);
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  return { rssMbMax, seconds, exitCode, report: JSON.parse(report || "null") };
}
