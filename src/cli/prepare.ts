/** Topics, tables and checkpoint rows, made where they are missing: `topics` and `migrate`. */

import { makeKafka } from "../kafka/client.ts";
import { patiently } from "../kafka/patiently.ts";
import { topicReader } from "../kafka/topic_reader.ts";
import { ensureTopics } from "../kafka/topics.ts";
import type { Stream } from "../stream/mod.ts";
import { topicName } from "../stream/names.ts";
import type { Logger } from "../telemetry/log.ts";
import { openDatabase } from "../writer/database.ts";
import { makeCheckpoints, migrateTables } from "../writer/migrate.ts";
import { readSettings } from "./settings.ts";

/** A broker that has started needs a moment until it leads its partitions. */
const BROKER_DEADLINE_MS = 30_000;

export async function prepare(
  streams: Stream[],
  logger: Logger,
  say: (line: string) => void,
): Promise<void> {
  await prepareTopics(streams, logger, say);
  await prepareTables(streams, logger, say);
}

export async function prepareTopics(
  streams: Stream[],
  logger: Logger,
  say: (line: string) => void,
): Promise<void> {
  const { kafkaBrokers, prefix } = await readSettings();
  const topics = await patiently(
    BROKER_DEADLINE_MS,
    () => ensureTopics(kafkaBrokers, prefix, streams, logger),
  );
  const made = topics.filter(({ made }) => made).map(({ topic }) => topic);
  say(made.length > 0 ? `Topics made: ${made.join(", ")}` : `Topics: all ${topics.length} exist`);
}

/** Tables first; rows need the topics, since they hold where each log begins. */
export async function prepareTables(
  streams: Stream[],
  logger: Logger,
  say: (line: string) => void,
): Promise<void> {
  const config = await readSettings();
  await migrateTables(config.adminDatabaseUrl, config.prefix, streams);
  const database = openDatabase(config.databaseUrl, 1);
  const reader = topicReader(makeKafka(config.kafkaBrokers, logger));
  try {
    let made = 0;
    for (const stream of streams) {
      const topic = topicName(config.prefix, stream);
      const bounds = await patiently(BROKER_DEADLINE_MS, () => reader.bounds(topic));
      made += await makeCheckpoints(database, stream, bounds);
    }
    say(made > 0 ? `Tables are up to date, ${made} checkpoint rows made` : "Tables: up to date");
  } finally {
    await reader.close();
    await database.close();
  }
}
