/** Dead letters into their topics, done once Kafka has acknowledged every one of them. */

import type { LetterRecord } from "../relay/relay.ts";
import type { Logger } from "../telemetry/log.ts";
import { Producer, type ProduceRecord } from "./producer.ts";
import { openSender } from "./sender.ts";

export interface LetterPublisher {
  publish(letters: LetterRecord[]): Promise<void>;
  close(): Promise<void>;
}

const DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 5_000;

/** One producer a topic: one that is missing must not stop the others (hazards K22). */
export function publishLetters(brokers: string[], logger: Logger): LetterPublisher {
  const producers = new Map<string, Producer>();
  const producerOf = (topic: string): Producer => {
    let producer = producers.get(topic);
    if (!producer) {
      const open = () => openSender({ brokers, topic, logger });
      producer = new Producer({ topic, logger, open });
      producer.start();
      producers.set(topic, producer);
    }
    return producer;
  };
  return {
    async publish(letters) {
      const byTopic = new Map<string, ProduceRecord[]>();
      for (const { topic, ...record } of letters) {
        byTopic.set(topic, [...byTopic.get(topic) ?? [], record]);
      }
      for (const [topic, records] of byTopic) {
        const results = await producerOf(topic).produce(records, DEADLINE_MS);
        const failed = results.filter((result) => result.state !== "acknowledged").length;
        if (failed > 0) throw new Error(`Kafka did not take ${failed} letters for "${topic}"`);
      }
    },
    async close() {
      await Promise.all([...producers.values()].map((producer) => producer.stop(STOP_DEADLINE_MS)));
    },
  };
}
