/** The one way to make a Kafka client; kafkajs's log goes to ours. */

import kafkajs, { type Kafka, type KafkaConfig, type LogEntry } from "kafkajs";
import process from "node:process";
import type { Logger } from "../telemetry/log.ts";
import { registerCodecs } from "./codecs.ts";
import { CLIENT_ID } from "./members.ts";
import { patchKafkaJs } from "./patches.ts";

process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";
registerCodecs();

const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;

export function makeKafka(
  brokers: string[],
  logger: Logger,
  overrides: Pick<KafkaConfig, "retry" | "socketFactory"> = {},
): Kafka {
  patchKafkaJs();
  return new kafkajs.Kafka({
    clientId: CLIENT_ID,
    brokers,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry: LogEntry) => {
      // Its own fields may hold records; the message and the error's text do not.
      const { message, error } = entry.log;
      const fields = { kafka: entry.namespace, ...(error ? { error: String(error) } : {}) };
      logger.debug(fields, message);
    },
    ...overrides,
  });
}
