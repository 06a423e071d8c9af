/** The producer over a broker of our own making: what is proven, sent again, split and given up. */

import { Buffer } from "node:buffer";
import type { Message, RecordMetadata } from "kafkajs";
import { afterEach, describe, expect, test } from "vitest";
import { Producer, type ProduceRecord, type ProduceResult } from "../../src/kafka/producer.ts";
import { acknowledgedOffsets } from "../../src/kafka/reply_check.ts";
import type { Sender } from "../../src/kafka/sender.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

type Reply = RecordMetadata[] | Error | "never";

/** A broker: it keeps what it is sent, unless the plan for this send says otherwise. */
class BrokerStub {
  logs = new Map<number, string[]>();
  sends: string[][] = [];
  opened = 0;
  cuts = 0;
  /** For each send in turn: what to do instead; the last one's rule stays. */
  plan: ((messages: Message[]) => Reply | null)[] = [];

  open = (): Promise<Sender> => {
    this.opened++;
    let isCut = false;
    return Promise.resolve({
      connected: true,
      send: (messages: Message[]) => {
        if (isCut) return Promise.reject(new Error("cut"));
        return this.#send(messages);
      },
      cut: () => {
        isCut = true;
        this.cuts++;
      },
      onLost: () => {},
    });
  };

  async #send(messages: Message[]): Promise<RecordMetadata[]> {
    await Promise.resolve();
    this.sends.push(messages.map(({ value }) => String(value)));
    const reply = this.plan.shift()?.(messages) ?? null;
    if (reply === "never") return await new Promise(() => {});
    if (reply instanceof Error) throw reply;
    return reply ?? this.store(messages);
  }

  store(messages: Message[]): RecordMetadata[] {
    const answers = new Map<number, RecordMetadata>();
    for (const { partition, value } of messages) {
      const log = this.logs.get(partition!) ?? [];
      this.logs.set(partition!, log);
      if (!answers.has(partition!)) answers.set(partition!, ok(partition!, log.length));
      log.push(String(value));
    }
    return [...answers.values()];
  }
}

const ok = (partition: number, offset: number): RecordMetadata => ({
  topicName: "t",
  partition,
  errorCode: 0,
  baseOffset: String(offset),
});

const tooLarge = () => Object.assign(new Error("too large"), { code: 10 });

const record = (value: string, partition = 0): ProduceRecord => ({
  partition,
  key: Buffer.from("k"),
  value: Buffer.from(value),
  headers: { id: value },
});

/** Results are told before the books are closed; a turn of the loop later both agree. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const states = (results: ProduceResult[]) => results.map(({ state }) => state);

const producers: Producer[] = [];
afterEach(() => Promise.all(producers.splice(0).map((producer) => producer.stop(0))));

function start(broker: BrokerStub, acknowledged = acknowledgedOffsets): Producer {
  const producer = new Producer({ topic: "t", logger: quiet, open: broker.open, acknowledged });
  producers.push(producer);
  producer.start();
  return producer;
}

describe("the reply check", () => {
  test("counts only what the reply proves", () => {
    const reply = [
      ok(0, 5),
      { ...ok(1, 5), errorCode: 6 },
      { ...ok(2, 5), baseOffset: "-1" },
      { ...ok(3, 5), topicName: "other" },
      { topicName: "t", partition: 4, errorCode: 0 },
    ];
    expect(acknowledgedOffsets("t", [0, 1, 2, 3, 4, 5], reply)).toEqual(new Map([[0, 5]]));
  });

  /** kafkajs resolves without having sent partition 1 (hazards K1). */
  async function runWithLostPartition(check: typeof acknowledgedOffsets) {
    const broker = new BrokerStub();
    const plan = (messages: Message[]) =>
      broker.store(messages.filter(({ partition }) => partition === 0));
    broker.plan.push(plan);
    const producer = start(broker, check);
    const results = await producer.produce([record("a", 0), record("b", 1)], 5_000);
    return { broker, results };
  }

  test("a partition that the reply does not name is sent again, and only it", async () => {
    const { broker, results } = await runWithLostPartition(acknowledgedOffsets);
    expect(results).toEqual([
      { state: "acknowledged", partition: 0, offset: 0 },
      { state: "acknowledged", partition: 1, offset: 0 },
    ]);
    expect(broker.logs).toEqual(new Map([[0, ["a"]], [1, ["b"]]]));
    expect(broker.cuts).toBe(1);
  });

  test("without it, the record would be lost and acknowledged", async () => {
    const { broker, results } = await runWithLostPartition((_topic, sent) =>
      new Map([...sent].map((partition) => [partition, 0]))
    );
    expect(states(results)).toEqual(["acknowledged", "acknowledged"]);
    expect(broker.logs.has(1)).toBe(false);
  });
});

describe("order", () => {
  test("what failed goes again before anything newer of its partition", async () => {
    const broker = new BrokerStub();
    broker.plan.push(() => new Error("leader moved"));
    const producer = start(broker);
    const first = producer.produce([record("a"), record("b")], 5_000);
    const second = producer.produce([record("c")], 5_000);
    const third = producer.produce([record("d"), record("e")], 5_000);
    for (const results of await Promise.all([first, second, third])) {
      expect(new Set(states(results))).toEqual(new Set(["acknowledged"]));
    }
    expect(broker.logs.get(0)).toEqual(["a", "b", "c", "d", "e"]);
    expect(broker.opened).toBe(2);
  });

  test("what waits during a send goes into the next, many records long", async () => {
    const broker = new BrokerStub();
    const producer = start(broker);
    const values = Array.from({ length: 10_000 }, (_, index) => `v${index}`);
    const all = await Promise.all(values.map((value) => producer.produce([record(value)], 5_000)));
    expect(broker.logs.get(0)).toEqual(values);
    expect(all.map(([result]) => (result as { offset: number }).offset))
      .toEqual(values.map((_, index) => index));
    expect(broker.sends.length).toBeLessThan(10);
  });

  test("a long request goes in pieces, and none overtakes another", async () => {
    const broker = new BrokerStub();
    broker.plan.push(() => null, () => new Error("lost"), () => null, () => new Error("lost"));
    const producer = start(broker);
    const values = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(200_000, "x"));
    const results = await producer.produce(values.map((value) => record(value)), 10_000);
    expect(new Set(states(results))).toEqual(new Set(["acknowledged"]));
    expect(broker.logs.get(0)).toEqual(values);
    for (const sent of broker.sends) {
      expect(sent.reduce((bytes, value) => bytes + value.length, 0)).toBeLessThan(900_000);
    }
  });
});

describe("deadlines", () => {
  test("what waits past its deadline is never sent", async () => {
    const broker = new BrokerStub();
    let release = (_: Sender): void => {};
    const open = () => new Promise<Sender>((resolve) => release = resolve);
    const producer = new Producer({ topic: "t", logger: quiet, open });
    producers.push(producer);
    producer.start();
    const late = producer.produce([record("late")], 50);
    const patient = producer.produce([record("patient")], 5_000);
    expect(states(await late)).toEqual(["unacknowledged"]);
    release(await broker.open());
    expect(states(await patient)).toEqual(["acknowledged"]);
    expect(broker.logs.get(0)).toEqual(["patient"]);
  });

  test("when a piece is not acknowledged in time, later pieces are withdrawn", async () => {
    const broker = new BrokerStub();
    broker.plan.push(...new Array(50).fill(() => new Error("away")));
    const producer = start(broker);
    const values = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(200_000, "x"));
    const results = await producer.produce(values.map((value) => record(value)), 300);
    expect(new Set(states(results))).toEqual(new Set(["unacknowledged"]));
    broker.plan = [];
    expect(states(await producer.produce([record("next")], 5_000))).toEqual(["acknowledged"]);
    expect(broker.logs.get(0)).toEqual(["next"]);
    await turn();
    expect(producer.bytesInFlight).toBe(0);
  });

  test("a send that never returns holds its bytes, and answers in time", async () => {
    const broker = new BrokerStub();
    broker.plan.push(() => "never");
    const producer = start(broker);
    const startMs = performance.now();
    const results = await producer.produce([record("x".repeat(1_000))], 100);
    expect(states(results)).toEqual(["unacknowledged"]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(producer.bytesInFlight).toBeGreaterThan(1_000);
    expect(producer.health.stuckMs).toBeGreaterThan(50);
    const behind = producer.produce([record("behind")], 100);
    expect(states(await behind)).toEqual(["unacknowledged"]);
  });

  test("stop finishes what waits; afterwards nothing is taken", async () => {
    const broker = new BrokerStub();
    const producer = start(broker);
    const waiting = producer.produce([record("a")], 5_000);
    await producer.stop(1_000);
    expect(states(await waiting)).toEqual(["acknowledged"]);
    expect(states(await producer.produce([record("b")], 5_000))).toEqual(["unacknowledged"]);
  });
});

describe("sizes", () => {
  test("one record that is too large is refused; its neighbours are sent in order", async () => {
    const broker = new BrokerStub();
    const rule = (messages: Message[]) =>
      messages.some(({ value }) => String(value) === "huge") ? tooLarge() : null;
    broker.plan.push(...new Array(20).fill(rule));
    const producer = start(broker);
    const values = ["a", "b", "c", "huge", "d", "e", "f"];
    const results = await producer.produce(
      [...values.map((value) => record(value)), record("other", 1)],
      5_000,
    );
    expect(states(results).map((state) => state === "too_large")).toEqual([
      ...values.map((value) => value === "huge"),
      false,
    ]);
    expect(broker.logs).toEqual(
      new Map([[0, values.filter((value) => value !== "huge")], [1, ["other"]]]),
    );
    expect(broker.opened).toBe(1);
    await turn();
    expect(producer.bytesInFlight).toBe(0);
  });

  test("a record beyond any batch is refused without a send", async () => {
    const broker = new BrokerStub();
    const producer = start(broker);
    const results = await producer.produce([record("x".repeat(1_000_000)), record("a")], 5_000);
    expect(states(results)).toEqual(["too_large", "acknowledged"]);
    expect(broker.sends).toEqual([["a"]]);
  });

  test("no records are answered at once", async () => {
    expect(await start(new BrokerStub()).produce([], 5_000)).toEqual([]);
  });
});
