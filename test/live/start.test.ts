/** `npm start` as a user has it: one command, one request, one row; a clean end at any moment. */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { install, type Installation, until } from "../support/installation.ts";

const START = fileURLToPath(new URL("../../workers/start.ts", import.meta.url));

let millrace: Installation;
beforeAll(async () => {
  millrace = await install();
}, 120_000);
afterAll(() => millrace?.stop());

function start() {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-prompt"] : [];
  const child = spawn(process.execPath, [...runtime, START, "--actors", "2", "--writers", "2"], {
    env: millrace.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Uint8Array) => stdout += String(data));
  child.stderr.on("data", (data: Uint8Array) => stderr += String(data));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal))
  );
  return {
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    // Not child.kill(): Deno then reports the signal as what ended it, also where it exited.
    signal: (name: NodeJS.Signals) => void process.kill(child.pid!, name),
  };
}

test("one request is a row within a second, and SIGINT ends all of it well", async () => {
  const running = start();
  const edge = await until("the edge's address", 45_000, () => {
    const url = /edge\s+(http:\S+?)\/v1/.exec(running.stdout())?.[1];
    return Promise.resolve(url ?? null);
  });
  await until("readiness", 10_000, async () => (await fetch(`${edge}/readyz`)).ok);
  const event = { deviceId: "a1", at: "2026-11-21T12:30:00Z", powerW: 12.5, status: "ok" };
  const sentMs = performance.now();
  const response = await fetch(`${edge}/v1/streams/telemetry`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  const answer = await response.json() as { results: { partition: number; offset: number }[] };
  expect(response.status).toBe(202);
  expect(answer.results[0]).toMatchObject({ offset: 0, partition: expect.any(Number) });
  await until("the row", 5_000, async () => {
    const rows = await millrace.query(`SELECT * FROM ${millrace.prefix}telemetry`);
    return rows.length === 1;
  });
  const rowMs = performance.now() - sentMs;
  console.log(`the row was there after ${Math.round(rowMs)} ms`);
  expect(rowMs).toBeLessThan(1_000);

  running.signal("SIGINT");
  expect(await running.ended).toBe(0);
  expect(running.stderr()).not.toMatch(/"level":"error"|nhandled/);
}, 90_000);

test.each([["Topics:"], ['"role":"actor"'], ["Partitions assigned"]])(
  "SIGTERM right after %s ends it well",
  async (mark) => {
    const running = start();
    await until(mark, 45_000, () => Promise.resolve(running.stderr().includes(mark)));
    running.signal("SIGTERM");
    expect(await running.ended).toBe(0);
    expect(running.stderr()).not.toMatch(/nhandled/);
  },
  90_000,
);
