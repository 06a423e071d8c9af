/**
 * Records that must become dead letters. The edge would refuse them, so they go straight into
 * Kafka, as another client's would.
 */

import type { Random, Simulated } from "../../streams/simulated/making.ts";
import { readConfig } from "../config.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { Producer } from "../kafka/producer.ts";
import { openSender } from "../kafka/sender.ts";
import type { Stream } from "../stream/mod.ts";
import { topicName } from "../stream/names.ts";
import { createLogger } from "../telemetry/log.ts";

export interface Poison {
  id: string;
  key: string;
  value: Uint8Array;
}

const PRODUCE_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;

/** Six kinds: not JSON, wrong type, a member missing, out of range, not UTF-8, empty. */
export function poisonOf(
  simulated: Simulated,
  event: Record<string, unknown>,
  random: Random,
): Uint8Array {
  const { at: _, ...without } = event;
  const kinds: (() => Uint8Array)[] = [
    () => Buffer.from(JSON.stringify(event).slice(0, -1)),
    () => Buffer.from(JSON.stringify({ ...event, at: 17 })),
    () => Buffer.from(JSON.stringify(without)),
    () => Buffer.from(JSON.stringify({ ...event, ...simulated.outOfRange })),
    () => Buffer.concat([Buffer.from(JSON.stringify(event)), Buffer.from([0xff, 0xfe])]),
    () => Buffer.alloc(0),
  ];
  return kinds[Math.floor(random() * kinds.length)]!();
}

export class PoisonSender {
  readonly #producer: Producer;
  readonly #partitions: number;

  constructor(stream: Stream) {
    const { kafkaBrokers: brokers, prefix } = readConfig();
    const topic = topicName(prefix, stream);
    const logger = createLogger("simulate");
    this.#partitions = stream.topic.partitions;
    this.#producer = new Producer({
      topic,
      logger,
      open: () => openSender({ brokers, topic, logger }),
    });
    this.#producer.start();
  }

  /** Stays until all are acknowledged; false where the signal came first. */
  async send(poisons: Poison[], signal: AbortSignal): Promise<boolean> {
    let left = poisons;
    while (left.length > 0 && !signal.aborted) {
      const records = left.map(({ id, key, value }) => {
        const keyBytes = Buffer.from(key);
        const partition = partitionOf(keyBytes, this.#partitions);
        return { partition, key: keyBytes, value, headers: { id } };
      });
      const results = await this.#producer.produce(records, PRODUCE_DEADLINE_MS);
      left = left.filter((_, index) => results[index]!.state !== "acknowledged");
    }
    return left.length === 0;
  }

  stop(): Promise<void> {
    return this.#producer.stop(STOP_DEADLINE_MS);
  }
}
