/** The log on a real Kafka, with a topic and a group for each case. */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import process from "node:process";
import type { Message } from "kafkajs";
import type { Bytes } from "../../src/core/ports.ts";
import { makeKafka } from "../../src/kafka/client.ts";
import { KafkaLog } from "../../src/kafka/log.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { until } from "../support/installation.ts";
import { produce, withAdmin } from "../support/kafka.ts";
import { describeLog, type LogBench, type Produced } from "./log_suite.ts";

const logger = createLogger("test");
const brokers = process.env.KAFKA_BROKERS!.split(",");
const deadlineMs = 10_000;

describeLog("of Kafka", async (): Promise<LogBench> => {
  const topic = `t${randomBytes(5).toString("hex")}`;
  const groupId = `${topic}-group`;
  await createTopic(topic);
  const log = new KafkaLog({ brokers, topic, groupId, logger });
  return {
    log,
    produce: (partition, records) =>
      produce(topic, records.map((record) => messageOf(partition, record))),
    control: (partition) => abort(topic, partition),
    async truncate(partition, low) {
      await withAdmin(async (admin) => {
        await admin.fetchTopicOffsets(topic); // kafkajs deletes only where it knows the leader
        const partitions = [{ partition, offset: String(low) }];
        await admin.deleteTopicRecords({ topic, partitions });
      });
      const isLow = async () => (await log.bounds()).get(partition)!.low === low;
      await until("a new low", deadlineMs, isLow);
    },
    async recreate() {
      await deleteTopic(topic);
      await createTopic(topic);
      await until("the topic to be back", deadlineMs, () => log.bounds());
    },
    committed: (partition) =>
      withAdmin(async (admin) => {
        const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
        const found = offsets!.partitions.find((one) => one.partition === partition);
        return found === undefined || found.offset === "-1" ? null : Number(found.offset);
      }),
    close: () => deleteTopic(topic),
  };
});

async function createTopic(topic: string): Promise<void> {
  await withAdmin((admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })
  );
}

async function deleteTopic(topic: string): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    const isGone = async () => !(await admin.listTopics()).includes(topic);
    await until("the topic to be gone", deadlineMs, isGone);
  });
}

/** A transaction that ends at once leaves its records, hidden, and its marker. */
async function abort(topic: string, partition: number): Promise<void> {
  const producer = makeKafka(brokers, logger).producer({
    transactionalId: `tx-${randomBytes(5).toString("hex")}`,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ partition, value: "gone" }] });
  await transaction.abort();
  await producer.disconnect();
}

function messageOf(partition: number, { key, id, value, headers }: Partial<Produced>): Message {
  const all = (headers ?? []).map(([name, data]) => [name, bufferOf(data)!] as const);
  if (typeof id === "string") all.unshift(["id", Buffer.from(id)]);
  return {
    partition,
    key: bufferOf(key ?? null),
    value: bufferOf(value ?? null),
    headers: Object.fromEntries(all),
  };
}

function bufferOf(bytes: Bytes | null): Buffer | null {
  if (bytes === null) return null;
  return typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes[0], "base64");
}
