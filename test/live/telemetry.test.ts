/**
 * A minute of load under everything that happens to such a system: killed actors and writers, an
 * emptied Redis, a restarted MariaDB, a group whose offsets were moved and deleted.
 */

import { Redis } from "ioredis";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { install, type Installation, type RunningRole, until } from "../support/installation.ts";
import { withAdmin } from "../support/kafka.ts";
import { type OwnServices, ownServices } from "../support/own_services.ts";

const LOAD_SECONDS = 60;
const KILL_EVERY_MS = 5_000;
const RECOVERY_MS_MAX = 15_000;

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

const settled = async () => {
  const [row] = await millrace.query<{ n: string }>(
    `SELECT SUM(records) AS n FROM ${millrace.prefix}millrace_checkpoints`,
  );
  return Number(row!.n);
};

/** Two of each, so that one goes on while the other is killed. */
class Pool {
  readonly #roles: RunningRole[] = [];
  #next = 0;

  readonly role: "actor" | "writer";

  constructor(role: "actor" | "writer") {
    this.role = role;
  }

  async start(): Promise<void> {
    this.#roles.push(await millrace.start(this.role), await millrace.start(this.role));
  }

  /** Takes turns. */
  async killOne(): Promise<void> {
    const i = this.#next++ % this.#roles.length;
    this.#roles[i]!.kill("SIGKILL");
    await this.#roles[i]!.ended;
    this.#roles[i] = await until(this.role, 30_000, () => this.#start());
  }

  /** A group is moved only while nobody is in it. */
  async whileAway(work: () => Promise<void>): Promise<void> {
    for (const role of this.#roles) role.kill("SIGTERM");
    expect(await Promise.all(this.#roles.map((role) => role.ended))).toEqual([0, 0]);
    await work();
    this.#roles.length = 0;
    await this.start();
  }

  async end(): Promise<(number | NodeJS.Signals)[]> {
    for (const role of this.#roles) role.kill("SIGTERM");
    return await Promise.all(this.#roles.map((role) => role.ended));
  }

  #start(): Promise<RunningRole | null> {
    return millrace.start(this.role).catch(() => null);
  }
}

test("verify is clean after a minute of faults, each followed by progress", async () => {
  const actors = new Pool("actor");
  const writers = new Pool("writer");
  const edge = await millrace.start("edge");
  await Promise.all([actors.start(), writers.start(), millrace.start("relay")]);
  await until("the edge", 20_000, async () => (await fetch(`${edge.address}/readyz`)).ok);
  const ledger = join(mkdtempSync(join(tmpdir(), "millrace-")), "ledger.ndjson");
  const options = ["--rate", "5000", "--for", `${LOAD_SECONDS}s`, "--duplicates", "1%"];
  const simulated = millrace.millrace(
    ...["simulate", "telemetry", ...options, "--poison", "0.1%", "--ledger", ledger],
    ...["--edge", edge.address],
  );
  let loading = true;
  simulated.then(() => loading = false);
  await until("the first rows", 20_000, async () => await settled() > 0);

  const kafkaGroup = `${millrace.prefix}millrace.telemetry.table`;
  const topic = `${millrace.prefix}telemetry`;
  const offsets = (offset: (end: string) => string) => async () => {
    await withAdmin(async (admin) => {
      const ends = await admin.fetchTopicOffsets(topic);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: offset(high) }));
      await admin.setOffsets({ groupId: kafkaGroup, topic, partitions });
    }, services.addresses.KAFKA_BROKERS);
  };
  const killBoth = async () => {
    await Promise.all([actors.killOne(), writers.killOne()]);
  };
  const flush = async () => {
    const redis = new Redis(services.addresses.REDIS_URL!);
    await redis.flushall();
    redis.disconnect();
  };
  const faults: [what: string, bring: () => Promise<void>][] = [
    ["kill", killBoth],
    ["FLUSHALL", flush],
    ["kill", killBoth],
    ["MariaDB restarted", async () => {
      await services.mariadb.stop();
      await services.mariadb.start();
    }],
    ["kill", killBoth],
    ["offsets to 0", () => actors.whileAway(offsets(() => "0"))],
    ["kill", killBoth],
    ["offsets to the end", () => actors.whileAway(offsets((end) => end))],
    ["kill", killBoth],
    ["group deleted", () =>
      actors.whileAway(() =>
        withAdmin(async (admin) => {
          await admin.deleteGroups([kafkaGroup]);
        }, services.addresses.KAFKA_BROKERS)
      )],
    ["FLUSHALL", flush],
    ["kill", killBoth],
  ];
  const recoveries: [string, number][] = [];
  const startedMs = performance.now();
  for (const [i, [what, bring]] of faults.entries()) {
    await until(
      "the next fault's time",
      KILL_EVERY_MS * 2,
      () => Promise.resolve(performance.now() - startedMs >= i * KILL_EVERY_MS),
    );
    await bring();
    const before = await until("a look at the rows", 10_000, settled);
    const atMs = performance.now();
    // On a slow machine the last faults come when the load has ended and all of it is loaded.
    await until(`progress after ${what}`, 60_000, async () => await settled() > before || !loading);
    if (loading) recoveries.push([what, Math.round(performance.now() - atMs)]);
  }
  const { code, stdout, stderr } = await simulated;
  console.log(recoveries, stdout);
  expect(recoveries.length).toBeGreaterThan(6);
  expect(code, stderr).toBe(0);

  const verified = await millrace.millrace("verify", "--ledger", ledger, "--wait", "60s");
  console.log(verified.stdout);
  expect(verified.code, verified.stderr + verified.stdout).toBe(0);
  for (const [what, ms] of recoveries) expect(ms, what).toBeLessThan(RECOVERY_MS_MAX);
  expect(await actors.end()).toEqual([0, 0]);
  expect(await writers.end()).toEqual([0, 0]);
  expect(millrace.logs()).not.toMatch(/"level":"error"|nhandled/);
}, 400_000);
