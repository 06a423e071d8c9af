/** Records straight into Kafka, as another program would write them. */

import kafkajs, { type Admin, type Message } from "kafkajs";
import process from "node:process";

process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

function client(brokers = process.env.KAFKA_BROKERS!) {
  return new kafkajs.Kafka({
    clientId: "test",
    brokers: brokers.split(","),
    logLevel: kafkajs.logLevel.NOTHING,
  });
}

export async function produce(topic: string, messages: Message[]): Promise<void> {
  const producer = client().producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

export async function withAdmin<T>(
  work: (admin: Admin) => Promise<T>,
  brokers?: string,
): Promise<T> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Everything that is in a topic now. */
export async function readAll(topic: string): Promise<
  { partition: number; key: Buffer | null; value: Buffer | null; headers: Record<string, string> }[]
> {
  const ends = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
  const wanted = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const seen: Awaited<ReturnType<typeof readAll>> = [];
  if (wanted === 0) return seen;
  const consumer = client().consumer({ groupId: `read-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.run({
      eachMessage: ({ partition, message }) => {
        const headers = Object.fromEntries(
          Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
        );
        seen.push({ partition, key: message.key, value: message.value, headers });
        if (seen.length >= wanted) resolve();
        return Promise.resolve();
      },
    }).catch(reject);
  });
  await consumer.disconnect();
  return seen;
}
