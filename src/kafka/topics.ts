/** Topics of streams and of their dead letters: made where missing, never altered. */

import kafkajs, { type Admin, type ITopicConfig } from "kafkajs";
import type { Stream } from "../stream/mod.ts";
import { deadLetterTopicName, topicName } from "../stream/names.ts";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";

export interface TopicMade {
  topic: string;
  made: boolean;
}

const MESSAGE_BYTES_MAX = 1_048_588;
/** A dead letter is its record and the headers that say why. */
const LETTER_BYTES_MAX = MESSAGE_BYTES_MAX + 65_536;
const LETTER_RETENTION_HOURS = 30 * 24;
const HOUR_MS = 3_600_000;

/**
 * Makes the topics that are missing.
 * @throws Error where a topic has another number of partitions than its stream declares: keys
 *   would change their partition, and order per key would break.
 */
export async function ensureTopics(
  brokers: string[],
  prefix: string,
  streams: Stream[],
  logger: Logger,
): Promise<TopicMade[]> {
  return await withAdmin(brokers, logger, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const wanted = streams.flatMap((stream) => declaredTopics(prefix, stream));
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true });
    await checkPartitions(admin, wanted);
    return wanted.map(({ topic }) => ({ topic, made: !existing.has(topic) }));
  });
}

/** @throws Error where a topic is missing or has another number of partitions than declared. */
export async function checkTopics(
  brokers: string[],
  prefix: string,
  streams: Stream[],
  logger: Logger,
): Promise<void> {
  await withAdmin(brokers, logger, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const wanted = streams.flatMap((stream) => declaredTopics(prefix, stream));
    const missing = wanted.find(({ topic }) => !existing.has(topic));
    if (missing) {
      throw new Error(`Topic "${missing.topic}" does not exist; run \`millrace topics\``);
    }
    await checkPartitions(admin, wanted);
  });
}

/** The settings that `doctor` compares, by topic. */
export async function topicSettings(
  brokers: string[],
  topics: string[],
  logger: Logger,
): Promise<Map<string, Record<string, string>>> {
  const { ConfigResourceTypes } = kafkajs;
  return await withAdmin(brokers, logger, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
    });
    return new Map(resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map((entry) => [entry.configName, entry.configValue])),
    ]));
  });
}

function declaredTopics(prefix: string, stream: Stream): ITopicConfig[] {
  const { partitions, replicationFactor, minInsyncReplicas, retentionHours } = stream.topic;
  const topic = (name: string, hours: number, bytesMax: number): ITopicConfig => ({
    topic: name,
    numPartitions: partitions,
    replicationFactor,
    configEntries: [
      { name: "min.insync.replicas", value: String(minInsyncReplicas) },
      { name: "retention.ms", value: String(hours * HOUR_MS) },
      { name: "max.message.bytes", value: String(bytesMax) },
    ],
  });
  return [
    topic(topicName(prefix, stream), retentionHours, MESSAGE_BYTES_MAX),
    topic(deadLetterTopicName(prefix, stream), LETTER_RETENTION_HOURS, LETTER_BYTES_MAX),
  ];
}

async function checkPartitions(admin: Admin, wanted: ITopicConfig[]): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) });
  for (const { topic, numPartitions } of wanted) {
    const actual = topics.find(({ name }) => name === topic)?.partitions.length;
    if (actual !== numPartitions) {
      throw new Error(
        `Topic "${topic}" has ${actual} partitions and its stream declares ${numPartitions}; ` +
          "declare the actual number, or load into a new topic",
      );
    }
  }
}

async function withAdmin<T>(
  brokers: string[],
  logger: Logger,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = makeKafka(brokers, logger).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
