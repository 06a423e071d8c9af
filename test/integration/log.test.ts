/** The log on a real Kafka: intervals, holes, framing, positions, bounds. */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import process from "node:process";
import type { Producer } from "kafkajs";
import { afterEach, describe, expect, test } from "vitest";
import { makeKafka } from "../../src/kafka/client.ts";
import { KafkaLog } from "../../src/kafka/log.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { chain, listen } from "../support/fetches.ts";
import { until } from "../support/installation.ts";
import { produce, withAdmin } from "../support/kafka.ts";

const logger = createLogger("test");
const brokers = process.env.KAFKA_BROKERS!.split(",");
const topics: string[] = [];
const logs: KafkaLog[] = [];

async function makeTopic(numPartitions = 1, compression = "producer"): Promise<string> {
  const topic = `t${randomBytes(5).toString("hex")}`;
  topics.push(topic);
  await createTopic(topic, numPartitions, compression);
  return topic;
}

async function createTopic(
  topic: string,
  numPartitions: number,
  compression = "producer",
): Promise<void> {
  const configEntries = [{ name: "compression.type", value: compression }];
  await withAdmin((admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true })
  );
}

function makeLog(topic: string, groupId = `${topic}-group`): KafkaLog {
  const log = new KafkaLog({ brokers, topic, groupId, logger });
  logs.push(log);
  return log;
}

async function produceMany(topic: string, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, index) => ({ key: "k", value: `v${index}` }));
  await produce(topic, values);
}

afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.stop()));
  await withAdmin((admin) => admin.deleteTopics({ topics: topics.splice(0) }));
});

describe("records", () => {
  test("are framed one by one, with their bytes and headers as they came", async () => {
    const topic = await makeTopic();
    await produce(topic, [
      {
        key: "kéy",
        value: '{"a":"é"}',
        headers: { zeta: "1", id: "event-1", 7: ["a", "b"], constructor: "c" },
        timestamp: "1750000000123",
      },
      { key: Buffer.from([0xff]), value: Buffer.from([0xc3, 0x28]), headers: { id: "\uFFFD" } },
      { key: null, value: null },
      { key: "", value: "", headers: { id: Buffer.from([0xff]) } },
    ]);
    const listener = await listen(makeLog(topic));
    await listener.reached(4);
    const [first, second, third, fourth] = listener.records();
    expect(first).toMatchObject({
      offset: 0,
      timestampMs: 1750000000123,
      key: "kéy",
      id: "event-1",
      value: '{"a":"é"}',
    });
    // An object puts the name 7 first already where the producer reads it.
    expect(first!.headers).toEqual([["7", "a"], ["7", "b"], ["zeta", "1"], ["constructor", "c"]]);
    expect(first!.bytes).toBeGreaterThan(100);
    expect(second).toMatchObject({ key: ["/w=="], value: ["wyg="], id: "\uFFFD" });
    expect(third).toMatchObject({ key: null, value: null, id: null, headers: [] });
    expect(fourth).toMatchObject({ key: "", value: "", id: null, headers: [["id", ["/w=="]]] });
  });

  test.each(["gzip", "snappy", "lz4", "zstd"])("are the same after %s", async (codec) => {
    // The broker packs anew what comes in another codec than the topic's.
    const topic = await makeTopic(1, codec);
    const random = randomBytes(3_000).toString("base64");
    const values = Array.from(
      { length: 300 },
      (_, index) =>
        index % 7 === 0 ? random.slice(index) : `{"n":${index},"text":"${"ab".repeat(index)}"}`,
    );
    await produce(topic, values.map((value) => ({ value })));
    await produce(topic, [{ value: "x" }, { value: random.repeat(100) }, { value: "" }]);
    const listener = await listen(makeLog(topic));
    await listener.reached(303);
    expect(listener.records().map(({ value }) => value))
      .toEqual([...values, "x", random.repeat(100), ""]);
  });
});

describe("intervals", () => {
  test("follow each other without a gap", async () => {
    const topic = await makeTopic();
    await produceMany(topic, 2_000);
    const listener = await listen(makeLog(topic));
    await produceMany(topic, 500);
    await listener.reached(2_500);
    expect(chain(listener, 0)).toBe(2_500);
    expect(listener.records().map(({ offset }) => offset))
      .toEqual(Array.from({ length: 2_500 }, (_, index) => index));
  });

  test("cover aborted and control records, also when nothing else is there", async () => {
    const topic = await makeTopic();
    const { one, two, end } = await transactional();
    await send(one, topic, ["a"], "abort"); // 0, marker 1
    const listener = await listen(makeLog(topic));
    await listener.reached(2);
    expect(listener.records()).toEqual([]);
    await send(one, topic, ["b", "c"], "commit"); // 2, 3, marker 4
    await listener.reached(5);
    await send(two, topic, ["d"], "abort"); // 5, marker 6
    await listener.reached(7);
    expect(chain(listener, 0)).toBe(7);
    expect(listener.records().map(({ value }) => value)).toEqual(["b", "c"]);
    await end();
  });

  test("hide every record of transactions that are aborted side by side", async () => {
    const topic = await makeTopic();
    const { one, two, end } = await transactional();
    const [first, second] = [await one.transaction(), await two.transaction()];
    const key = Buffer.from([0, 0, 0, 0]); // kafkajs takes this for an abort marker
    await first.send({ topic, messages: [{ key, value: "gone 0" }] });
    await second.send({ topic, messages: [{ value: "gone 1" }] });
    await first.send({ topic, messages: [{ value: "gone 2" }] });
    await produce(topic, [{ value: "kept 3" }]);
    await second.send({ topic, messages: [{ key, value: "gone 4" }, { value: "gone 5" }] });
    await first.abort();
    await second.abort();
    await send(one, topic, ["kept 8"], "commit");
    const log = makeLog(topic);
    const listener = await listen(log, 2); // both have begun below
    await listener.reached(10);
    expect(listener.records().map(({ value }) => value)).toEqual(["kept 3", "kept 8"]);
    expect(chain(listener, 2)).toBe(10);
    await end();
  });

  test("stop before a transaction that is still open", async () => {
    const topic = await makeTopic();
    const { one, end } = await transactional();
    await produce(topic, [{ value: "v0" }]);
    const open = await one.transaction();
    await open.send({ topic, messages: [{ value: "v1" }] });
    await produce(topic, [{ value: "v2" }]);
    const listener = await listen(makeLog(topic));
    await listener.reached(1);
    await open.commit();
    await listener.reached(4);
    expect(listener.records().map(({ value }) => value)).toEqual(["v0", "v1", "v2"]);
    expect(listener.fetches[0]!.fetch.next).toBe(1);
    await end();
  });
});

describe("positions", () => {
  test("a seek moves the next fetches, forward and back", async () => {
    const topic = await makeTopic();
    await produceMany(topic, 100);
    const log = makeLog(topic);
    const listener = await listen(log, 90);
    await listener.reached(100);
    expect(listener.fetches[0]!.fetch.from).toBe(90);
    log.seek(0, 40);
    await until(
      "a fetch from 40",
      10_000,
      () => Promise.resolve(listener.fetches.some(({ fetch }) => fetch.from === 40)),
    );
    expect(listener.fetches.at(-1)!.fetch.records[0]!.offset).toBe(40);
  });

  test("a paused partition is silent until it is resumed; others go on", async () => {
    const topic = await makeTopic(2);
    const log = makeLog(topic);
    const listener = await listen(log);
    log.pause(0);
    await produce(topic, [0, 1].map((partition) => ({ partition, value: "v" })));
    await listener.reached(1, 1);
    // Another round trip of the other partition: a fetch of the paused one had its chance.
    await produce(topic, [{ partition: 1, value: "w" }]);
    await listener.reached(2, 1);
    expect(listener.records(0)).toEqual([]);
    log.resume(0);
    await listener.reached(1, 0);
  });

  test("two members share the partitions, and one takes over what the other leaves", async () => {
    const topic = await makeTopic(4);
    const [a, b] = [makeLog(topic), makeLog(topic)];
    const first = await listen(a);
    expect(first.assignments.at(-1)!.sort()).toEqual([0, 1, 2, 3]);
    a.pause(0);
    const second = await listen(b);
    await until("two each", 20_000, () =>
      Promise.resolve(
        first.assignments.at(-1)!.length === 2 && second.assignments.at(-1)!.length === 2,
      ));
    await b.stop();
    await until(
      "all four again",
      20_000,
      () => Promise.resolve(first.assignments.at(-1)!.length === 4),
    );
    // The pause of before is gone with the assignment of before (hazards K17).
    await produce(topic, [0, 1, 2, 3].map((partition) => ({ partition, value: "v" })));
    for (const partition of [0, 1, 2, 3]) await first.reached(1, partition);
    expect([...first.crashes, ...second.crashes]).toEqual([]);
  });

  test("the group's position is told to the broker, only for what is assigned", async () => {
    const topic = await makeTopic();
    await produceMany(topic, 10);
    const log = makeLog(topic);
    await listen(log);
    await log.commit(0, 7);
    await log.commit(5, 3);
    const offsets = await withAdmin((admin) =>
      admin.fetchOffsets({ groupId: `${topic}-group`, topics: [topic] })
    );
    expect(offsets[0]!.partitions).toEqual([{ partition: 0, offset: "7", metadata: null }]);
    await log.stop();
    await log.commit(0, 9);
    log.seek(0, 1);
    log.pause(0);
  });
});

describe("bounds", () => {
  test("move with the log, and tell one topic from the next of its name", async () => {
    const topic = await makeTopic(2);
    await produceMany(topic, 10);
    await produce(topic, [{ partition: 1, value: "v" }]);
    const log = makeLog(topic);
    const ends = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
    const high = Number(ends.find(({ partition }) => partition === 1)!.high);
    const before = await log.bounds();
    expect(before.get(1)).toMatchObject({ low: 0, high });
    await withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic); // kafkajs deletes only where it knows the leader
      await admin.deleteTopicRecords({
        topic,
        partitions: [{ partition: 1, offset: String(high) }],
      });
    });
    await until("a new low", 10_000, async () => (await log.bounds()).get(1)!.low === high);
    const { topicId } = before.get(0)!;
    expect(before.get(1)!.topicId).toBe(topicId);

    await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    await until(
      "the topic to be gone",
      10_000,
      () => withAdmin(async (admin) => !(await admin.listTopics()).includes(topic)),
    );
    await expect(log.bounds()).rejects.toThrow();
    await createTopic(topic, 2);
    const after = await until("the topic to be back", 10_000, () => log.bounds());
    expect(after.get(0)!.topicId).not.toBe(topicId);
    expect(after.get(1)).toMatchObject({ low: 0, high: 0 });
  });

  test("a topic that is not there, or a broker that is not, is an error in time", async () => {
    await expect(makeLog("t-nowhere").bounds()).rejects.toThrow("t-nowhere");
    const nobody = new KafkaLog({ brokers: ["127.0.0.1:9"], topic: "t", groupId: "g", logger });
    await expect(nobody.bounds()).rejects.toThrow();
    await expect(nobody.start({ assigned() {}, fetched() {}, crashed() {} })).rejects.toThrow();
  });
});

/** Two transactional producers. */
async function transactional() {
  const make = async () => {
    const id = `tx-${randomBytes(5).toString("hex")}`;
    const producer = makeKafka(brokers, logger).producer({
      transactionalId: id,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    return producer;
  };
  const [one, two] = [await make(), await make()];
  const end = async () => void await Promise.all([one.disconnect(), two.disconnect()]);
  return { one, two, end };
}

async function send(
  producer: Producer,
  topic: string,
  values: string[],
  ending: "commit" | "abort",
): Promise<void> {
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: values.map((value) => ({ value })) });
  await transaction[ending]();
}
