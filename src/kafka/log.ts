/** The log over kafkajs: one topic, read by one group, with every fetch told as an interval. */

import type { Consumer, Kafka } from "kafkajs";
import type { Log, LogBounds, LogHandlers } from "../core/ports.ts";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";
import { removeDeadMembers } from "./members.ts";
import { fetchHandler } from "./patches.ts";
import { toRecord } from "./records.ts";
import { TrackedSockets } from "./sockets.ts";
import { type TopicReader, topicReader } from "./topic_reader.ts";
import { within } from "./within.ts";

export interface KafkaLogOptions {
  brokers: string[];
  topic: string;
  groupId: string;
  logger: Logger;
}

const BOUNDS_DEADLINE_MS = 10_000;
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 5_000;

export class KafkaLog implements Log {
  readonly #kafka: Kafka;
  readonly #groupId: string;
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #logger: Logger;
  readonly #reader: TopicReader;
  readonly #sockets = new TrackedSockets();
  #assigned = new Set<number>();
  #stopped = false;

  constructor({ brokers, topic, groupId, logger }: KafkaLogOptions) {
    this.#topic = topic;
    this.#logger = logger;
    this.#groupId = groupId;
    const kafka = this.#kafka = makeKafka(brokers, logger, {
      socketFactory: this.#sockets.factory,
    });
    this.#reader = topicReader(kafka);
    this.#consumer = kafka.consumer({
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
      retry: { restartOnFailure: () => Promise.resolve(!this.#stopped) },
    });
  }

  async start(handlers: LogHandlers): Promise<void> {
    this.#listen(handlers);
    try {
      await within(START_DEADLINE_MS, this.#run(handlers), `read topic "${this.#topic}"`);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #listen(handlers: LogHandlers): void {
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.#stopped) return;
      const partitions = payload.memberAssignment[this.#topic] ?? [];
      this.#assigned = new Set(partitions);
      // A pause survives losing and regaining a partition (hazards K17); who wants one asks again.
      this.#consumer.resume([{ topic: this.#topic }]);
      handlers.assigned([...partitions]);
    });
    this.#consumer.on(CRASH, ({ payload: { error, restart } }) => {
      if (this.#stopped) return;
      this.#logger.warn({ topic: this.#topic, restart, error }, "The consumer stopped");
      if (!restart) handlers.crashed(error);
    });
  }

  async #run(handlers: LogHandlers): Promise<void> {
    await this.#removeDeadMembers();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: fetchHandler(({ partition, from, next, messages }) => {
        if (this.#stopped) return;
        handlers.fetched(partition, { from, next, records: messages.map(toRecord) });
      }),
    });
  }

  async #removeDeadMembers(): Promise<void> {
    try {
      const removed = await removeDeadMembers(this.#kafka, this.#groupId);
      if (removed > 0) this.#logger.info({ group: this.#groupId, removed }, "Dead members removed");
    } catch (error) {
      this.#logger.debug({ group: this.#groupId, error }, "Cannot look for dead members");
    }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const left = Promise.allSettled([this.#consumer.disconnect(), this.#reader.close()]);
    await within(STOP_DEADLINE_MS, left, "leave the group").catch(() => {});
    // A consumer that is stopped while it starts again would join the group afterwards.
    this.#sockets.cut();
  }

  seek(partition: number, offset: number): void {
    this.#whileRunning(() =>
      this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) })
    );
  }

  pause(partition: number): void {
    this.#whileRunning(() =>
      this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }])
    );
  }

  resume(partition: number): void {
    this.#whileRunning(() =>
      this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }])
    );
  }

  /**
   * kafkajs throws between a crash and its restart. Nothing is lost then: the restart assigns
   * anew, and whoever reads the partition says again where and whether.
   */
  #whileRunning(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#logger.debug({ topic: this.#topic, error }, "The consumer is not running");
    }
  }

  bounds(): Promise<Map<number, LogBounds>> {
    const asked = this.#reader.bounds(this.#topic);
    return within(BOUNDS_DEADLINE_MS, asked, `ask for the bounds of topic "${this.#topic}"`);
  }

  async commit(partition: number, offset: number): Promise<void> {
    // A broker takes a commit for a partition that is another's (hazards K5).
    if (!this.#assigned.has(partition)) return;
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
