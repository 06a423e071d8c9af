/** The edge while its broker is away, dead or frozen: an answer in time, and nothing lost. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localServices } from "../../infra/services/local_services.ts";
import { anything, LIMITS, post, startEdge, type TestEdge } from "../support/edge.ts";
import { until } from "../support/installation.ts";
import { readAll } from "../support/kafka.ts";

const DEADLINE_MS = 1_500;
const SLACK_MS = 1_000;
const BYTES_IN_FLIGHT_MAX = 2_000_000;

/** A broker of its own, so that nobody else's is stopped. */
const home = fileURLToPath(new URL("../../.millrace/test-broker", import.meta.url));
const { kafka } = localServices(home);
const usualBrokers = process.env.KAFKA_BROKERS;
let edge: TestEdge;

beforeAll(async () => {
  await kafka.start();
  process.env.KAFKA_BROKERS = kafka.address();
  edge = await startEdge({
    brokers: [kafka.address()],
    limits: { deadlineMs: DEADLINE_MS, bytesInFlightMax: BYTES_IN_FLIGHT_MAX },
  });
}, 120_000);

afterAll(async () => {
  await edge.stop();
  await kafka.stop();
  process.env.KAFKA_BROKERS = usualBrokers;
}, 60_000);

const isReady = async () => {
  const response = await fetch(`${edge.url}/readyz`);
  await response.body?.cancel();
  return response.ok;
};

interface Told {
  id: string;
  status: number;
  ms: number;
}

/** One event after the other for one key, each told in time whatever happens. */
class Talker {
  told: Told[] = [];
  #sequence = 0;
  #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async say(): Promise<Told> {
    const id = `${this.#key}-${this.#sequence++}`;
    const startMs = performance.now();
    const { status } = await post(edge.url, "anything", JSON.stringify({ id, key: this.#key }));
    const told = { id, status, ms: performance.now() - startMs };
    this.told.push(told);
    return told;
  }

  /** Every accepted event is stored; first copies lie in the order of the sequence. */
  async check(): Promise<void> {
    const stored = (await readAll(edge.topic(anything)))
      .filter(({ key }) => String(key) === this.#key).map(({ headers }) => headers.id!);
    const accepted = this.told.filter(({ status }) => status === 202).map(({ id }) => id);
    const first = [...new Set(stored)].filter((id) => accepted.includes(id));
    expect(first).toEqual(accepted);
    const late = this.told.filter(({ ms }) => ms > DEADLINE_MS + SLACK_MS);
    expect(late).toEqual([]);
  }
}

describe("a broker", () => {
  test("that is killed: 503 in time, unready; and 202 again once it is back", async () => {
    const talker = new Talker("killed");
    for (let i = 0; i < 20; i++) expect((await talker.say()).status).toBe(202);
    kafka.kill("SIGKILL");
    const answers = await Promise.all(Array.from({ length: 200 }, () => talker.say()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(await isReady()).toBe(false);
    expect((await fetch(`${edge.url}/livez`)).status).toBe(200);
    await kafka.start();
    await until("202 again", 20_000, async () => (await talker.say()).status === 202);
    await until("ready again", 10_000, isReady);
    for (let i = 0; i < 20; i++) expect((await talker.say()).status).toBe(202);
    await talker.check();
  }, 60_000);

  test("that is frozen: 503 in time; 202 again once it goes on", async () => {
    const talker = new Talker("frozen");
    for (let i = 0; i < 5; i++) expect((await talker.say()).status).toBe(202);
    kafka.kill("SIGSTOP");
    const first = await Promise.all(Array.from({ length: 50 }, () => talker.say()));
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set([503]));
    expect(await isReady()).toBe(false);
    expect((await talker.say()).status).toBe(503);
    kafka.kill("SIGCONT");
    await until("202 again", 40_000, async () => (await talker.say()).status === 202);
    for (let i = 0; i < 20; i++) expect((await talker.say()).status).toBe(202);
    await talker.check();
  }, 90_000);

  test("that restarts again and again under load loses nothing that was accepted", async () => {
    const talkers = Array.from({ length: 10 }, (_, index) => new Talker(`restart-${index}`));
    let going = true;
    const talking = talkers.map(async (talker) => {
      while (going) await talker.say();
    });
    for (let round = 0; round < 3; round++) {
      const before = talkers[0]!.told.length;
      await until(
        "progress",
        20_000,
        () => Promise.resolve(talkers[0]!.told.slice(before).some(({ status }) => status === 202)),
      );
      kafka.kill("SIGKILL");
      await kafka.start();
    }
    await until("the last recovery", 20_000, async () => (await talkers[0]!.say()).status === 202);
    going = false;
    await Promise.all(talking);
    for (const talker of talkers) await talker.check();
  }, 120_000);

  test("that is away bounds what the edge holds: beyond it, 503 at once", async () => {
    kafka.kill("SIGKILL");
    await until("unready", 10_000, async () => !(await isReady()));
    const body = JSON.stringify(
      Array.from({ length: 90 }, () => ({ a: "x".repeat(1_000) })),
    );
    expect(body.length).toBeLessThan(LIMITS.bodyBytesMax);
    const startMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, async () => {
      const answer = await post(edge.url, "anything", body);
      return { type: answer.body.type, status: answer.status, ms: performance.now() - startMs };
    }));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    const refused = answers.filter(({ type }) => type === "urn:millrace:overloaded");
    const waited = answers.filter(({ type }) => type === "urn:millrace:unacknowledged");
    expect(waited.length * body.length).toBeLessThanOrEqual(BYTES_IN_FLIGHT_MAX);
    expect(waited.length).toBeGreaterThan(5);
    expect(refused.length + waited.length).toBe(100);
    expect(Math.max(...refused.map(({ ms }) => ms))).toBeLessThan(DEADLINE_MS);
    expect(Math.max(...waited.map(({ ms }) => ms))).toBeLessThan(DEADLINE_MS + SLACK_MS);
  }, 60_000);

  test(
    "that is away at the start: the edge is there, unready, and ready once it comes",
    async () => {
      const early = await startEdge({
        brokers: [kafka.address()],
        limits: { deadlineMs: 500 },
        topics: false,
      });
      expect((await fetch(`${early.url}/livez`)).status).toBe(200);
      expect((await fetch(`${early.url}/readyz`)).status).toBe(503);
      const startMs = performance.now();
      expect((await post(early.url, "anything", "{}")).status).toBe(503);
      expect(performance.now() - startMs).toBeLessThan(500 + SLACK_MS);
      await kafka.start();
      await until("ready", 20_000, async () => (await fetch(`${early.url}/readyz`)).status === 200);
      const stopMs = performance.now();
      await early.stop();
      expect(performance.now() - stopMs).toBeLessThan(2_000);
    },
    60_000,
  );

  test("that is away does not hold the edge back when it stops", async () => {
    kafka.kill("SIGKILL");
    const early = await startEdge({ brokers: [kafka.address()], topics: false });
    const startMs = performance.now();
    await early.stop();
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await kafka.start();
  }, 60_000);
});
