/** MariaDB away for a minute under load: the edge accepts, nothing dies, and the lag drains. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { install, type Installation, type RunningRole, until } from "../support/installation.ts";
import { type OwnServices, ownServices } from "../support/own_services.ts";

const AWAY_MS = 60_000;
const BATCH = 200;
const EVERY_MS = 100;

let services: OwnServices;
let millrace: Installation;
beforeAll(async () => {
  services = await ownServices();
  millrace = await install(services.addresses);
}, 180_000);
afterAll(async () => {
  await services?.mariadb.start();
  await millrace?.stop();
  await services?.stop();
}, 60_000);

/** Sends at a steady rate until told to stop; answers each status and how many were accepted. */
function load(edge: string) {
  const statuses = new Map<number, number>();
  let accepted = 0;
  let sent = 0;
  const send = async () => {
    const lines = Array.from({ length: BATCH }, () => {
      const n = sent++;
      const at = new Date(1_790_000_000_000 + n * 1_000).toISOString();
      return JSON.stringify({ deviceId: `d${n % 100}`, at, powerW: n, status: "ok" });
    });
    const response = await fetch(`${edge}/v1/streams/telemetry`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: lines.join("\n"),
    });
    const answer = await response.json() as { accepted: number };
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    accepted += answer.accepted;
  };
  let under: Promise<void> = Promise.resolve();
  const timer = setInterval(() => under = under.then(send), EVERY_MS);
  return {
    statuses,
    accepted: () => accepted,
    async stop() {
      clearInterval(timer);
      await under;
    },
  };
}

const rssMb = (role: RunningRole) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${role.pid}/status`, "utf8"))![1]) / 1024;

const countOf = async (table: string) => {
  const [row] = await millrace.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM ${millrace.prefix}${table}`,
  );
  return Number(row!.n);
};

test("a minute without MariaDB loses nothing and needs nobody", async () => {
  const edge = await millrace.start("edge");
  const actor = await millrace.start("actor");
  const writer = await millrace.start("writer");
  await until("the edge", 20_000, async () => (await fetch(`${edge.address}/readyz`)).ok);
  const loading = load(edge.address);
  await until("rows", 20_000, async () => await countOf("telemetry") > 1_000);

  await services.mariadb.stop();
  const awaySinceMs = performance.now();
  const away = (ms: number) =>
    until(
      "the outage to pass",
      ms + 5_000,
      () => Promise.resolve(performance.now() - awaySinceMs >= ms),
    );
  await away(AWAY_MS / 4);
  const early = [actor, writer].map(rssMb);
  await away(AWAY_MS);
  const late = [actor, writer].map(rssMb);
  const acceptedAway = loading.accepted();
  await services.mariadb.start();
  const backSinceMs = performance.now();
  await until("rows again", 15_000, async () => await countOf("telemetry") > 2_000);
  console.log(`rows again ${Math.round(performance.now() - backSinceMs)} ms after MariaDB was`);
  await loading.stop();
  await until("the lag drained", 60_000, async () => {
    return await countOf("telemetry") === loading.accepted();
  });

  console.log({ early, late, acceptedAway, accepted: loading.accepted() });
  expect([...loading.statuses.keys()]).toEqual([202]);
  expect(acceptedAway).toBeGreaterThan(50_000);
  expect(await countOf("millrace_dead_letters")).toBe(0);
  for (const [i, megabytes] of late.entries()) {
    expect(megabytes).toBeLessThan(early[i]! + 100);
    expect(megabytes).toBeLessThan(350);
  }
  for (const role of [edge, actor, writer]) {
    role.kill("SIGTERM");
    expect(await role.ended).toBe(0);
  }
}, 300_000);
