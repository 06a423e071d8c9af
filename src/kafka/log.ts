/** The log over kafkajs: one topic, read by one group, with every fetch told as an interval. */

import type { Consumer, Kafka, KafkaMessage } from "kafkajs";
import { isUtf8 } from "node:buffer";
import type { Bytes, Fetch, Log, LogBounds, LogHandlers, LogRecord } from "../core/ports.ts";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";
import { type TopicReader, topicReader } from "./topic_reader.ts";

/** What a record costs beside its own bytes, about. */
const RECORD_OVERHEAD_BYTES = 100;

export interface KafkaLogOptions {
  brokers: string[];
  topic: string;
  groupId: string;
  logger: Logger;
}

interface FetchedBatch {
  topic: string;
  partition: number;
  fetchedOffset: string;
  rawMessages: { offset: string }[];
  messages: KafkaMessage[];
}

export class KafkaLog implements Log {
  readonly #kafka: Kafka;
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #logger: Logger;
  readonly #reader: TopicReader;

  constructor({ brokers, topic, groupId, logger }: KafkaLogOptions) {
    this.#topic = topic;
    this.#logger = logger;
    this.#kafka = makeKafka(brokers, logger);
    this.#reader = topicReader(this.#kafka);
    this.#consumer = this.#kafka.consumer({
      groupId,
      sessionTimeout: 10_000,
      heartbeatInterval: 500,
      rebalanceTimeout: 30_000,
      metadataMaxAge: 30_000,
      maxWaitTimeInMs: 100,
      minBytes: 1,
      maxBytesPerPartition: 1_048_576,
      maxBytes: 8_388_608,
      readUncommitted: false,
      allowAutoTopicCreation: false,
    });
  }

  async start(handlers: LogHandlers): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      const partitions = payload.memberAssignment[this.#topic] ?? [];
      // A pause survives losing and regaining a partition (hazards K17); who wants one asks again.
      this.#consumer.resume([{ topic: this.#topic }]);
      handlers.assigned(partitions);
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart) handlers.crashed(payload.error);
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: ({ batch }) => {
        const fetched = batch as unknown as FetchedBatch;
        handlers.fetched(fetched.partition, toFetch(fetched));
        return Promise.resolve();
      },
    });
  }

  async stop(): Promise<void> {
    await Promise.allSettled([this.#consumer.disconnect(), this.#reader.close()]);
  }

  seek(partition: number, offset: number): void {
    this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) });
  }

  pause(partition: number): void {
    this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]);
  }

  bounds(): Promise<Map<number, LogBounds>> {
    return this.#reader.bounds(this.#topic);
  }

  async commit(partition: number, offset: number): Promise<void> {
    try {
      await this.#consumer.commitOffsets([
        { topic: this.#topic, partition, offset: String(offset) },
      ]);
    } catch (error) {
      // For lag tools only (hazards K5–K8): the checkpoint is the position.
      this.#logger.debug({ partition, offset, error }, "Cannot commit to the group");
    }
  }
}

function toFetch(batch: FetchedBatch): Fetch {
  const from = Number(batch.fetchedOffset);
  const last = batch.rawMessages.at(-1);
  // Where compaction took the end of a batch away, the broker sends what lies before it.
  const next = Math.max(last ? Number(last.offset) + 1 : from, from + 1);
  return { from, next, records: batch.messages.map(toRecord) };
}

function toRecord(message: KafkaMessage): LogRecord {
  let bytes = RECORD_OVERHEAD_BYTES + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  let id: string | null = null;
  const headers: [string, Bytes][] = [];
  for (const [name, values] of Object.entries(message.headers ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (value === undefined) continue;
      const framed = toBytes(Buffer.from(value));
      bytes += name.length + value.length;
      if (name === "id" && id === null && typeof framed === "string") id = framed;
      else headers.push([name, framed]);
    }
  }
  return {
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key === null ? null : toBytes(message.key),
    id,
    headers,
    value: message.value === null ? null : toBytes(message.value),
    bytes,
  };
}

function toBytes(buffer: Buffer): Bytes {
  return isUtf8(buffer) ? buffer.toString("utf8") : [buffer.toString("base64")];
}
