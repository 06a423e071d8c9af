/** The proof commands through real processes: simulate with copies and poison, then verify. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { install, type Installation } from "../support/installation.ts";

let millrace: Installation;
let edge: string;
const folder = mkdtempSync(join(tmpdir(), "simulate-"));

beforeAll(async () => {
  millrace = await install();
  const [running] = await Promise.all([
    millrace.start("edge"),
    millrace.start("actor"),
    millrace.start("writer"),
  ]);
  edge = running!.address;
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await millrace?.stop();
});

test.each(["telemetry", "access_log"])("%s: simulated, loaded, verified", async (stream) => {
  const ledger = join(folder, stream);
  const args = ["--rate", "1000", "--for", "5s", "--poison", "1%", "--duplicates", "2%"];
  const sent = await millrace.millrace(
    "simulate",
    stream,
    ...args,
    "--keys",
    "50",
    "--ledger",
    ledger,
    "--edge",
    edge,
  );
  expect(sent.stdout, sent.stderr).toMatch(/sent 5000, accepted 5000, refused 0, unknown 0/);
  expect(sent.code).toBe(0);

  const proof = await millrace.millrace("verify", "--ledger", ledger, "--stream", stream, "--json");
  expect(proof.code, proof.stdout + proof.stderr).toBe(0);
  const report = JSON.parse(proof.stdout);
  expect(report).toMatchObject({ missing: 0, doubled: 0, outOfOrder: 0, altered: 0, beyond: 0 });
  expect(report.dead).toBeGreaterThan(10);
  expect(report.repeated).toBeGreaterThan(30);
  expect(report.loaded + report.dead).toBe(5_000);

  await millrace.query(`DELETE FROM ${millrace.prefix}${stream} ORDER BY id DESC LIMIT 1`);
  const breach = await millrace.millrace("verify", "--ledger", ledger, "--wait", "1s");
  expect(breach.stdout).toMatch(/missing 1 · doubled 0 · out of order 0/);
  expect(breach.code).toBe(3);
}, 120_000);

test("a file that is sent twice is stored once, and refused lines are named", async () => {
  const file = join(folder, "events.ndjson");
  const good = (n: number) =>
    JSON.stringify({
      at: "2026-01-01T00:00:00Z",
      ip: "::1",
      method: "GET",
      path: `/${n}`,
      status: 200,
    });
  const lines = Array.from({ length: 1_200 }, (_, n) => good(n));
  writeFileSync(file, `${lines.join("\n")}\n`);
  for (let round = 0; round < 2; round++) {
    const sent = await millrace.millrace("send", "access_log", file, "--edge", edge);
    expect(sent).toMatchObject({ code: 0, stdout: "sent 1200, accepted 1200, refused 0\n" });
  }
  const proof = await millrace.millrace(
    "verify",
    "--stream",
    "access_log",
    "--wait",
    "5s",
    "--json",
  );
  expect(JSON.parse(proof.stdout)).toMatchObject({ doubled: 0, outOfOrder: 0 });
  const [count] = await millrace.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM ${millrace.prefix}access_log WHERE ip = '::1'`,
  );
  expect(Number(count!.n)).toBe(1_200);

  writeFileSync(join(folder, "bad.ndjson"), `${good(1)}\n\nnot json\n{"at":1}\n${good(2)}`);
  const bad = await millrace.millrace(
    "send",
    "access_log",
    join(folder, "bad.ndjson"),
    "--edge",
    edge,
  );
  expect(bad).toMatchObject({ code: 1, stdout: "sent 4, accepted 2, refused 2\n" });
  expect(bad.stderr).toMatch(/Line 3 was refused: .+\nLine 4 was refused: /);
}, 120_000);
