/** An edge in this process, with topics of its own. */

import { randomBytes } from "node:crypto";
import process from "node:process";
import { z } from "zod";
import type { EdgeLimits } from "../../src/edge/app.ts";
import { createEdge, type Edge } from "../../src/edge/server.ts";
import { ensureTopics } from "../../src/kafka/topics.ts";
import type { Stream } from "../../src/stream/mod.ts";
import { deadLetterTopicName, topicName } from "../../src/stream/names.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import telemetry from "../../streams/telemetry.ts";
import { until } from "./installation.ts";
import { withAdmin } from "./kafka.ts";

export interface TestEdge {
  url: string;
  port: number;
  edge: Edge;
  topic(stream: Stream): string;
  /** How many records the stream's topic holds. */
  count(stream: Stream): Promise<number>;
  stop(): Promise<void>;
}

export const LIMITS: EdgeLimits & { host: string; port: number; bytesInFlightMax: number } = {
  host: "127.0.0.1",
  port: 0,
  bodyBytesMax: 100_000,
  decompressedBytesMax: 1_000_000,
  recordBytesMax: 20_000,
  recordsMax: 100,
  bytesInFlightMax: 67_108_864,
  deadlineMs: 5_000,
  bodyDeadlineMs: 1_000,
};

/** Takes any object; `key` is its key, `other` is a declared id of another type. */
export const anything = {
  ...telemetry,
  name: "anything",
  event: z.looseObject({ key: z.string().optional() }),
  key: (event: unknown) => (event as { key?: string }).key ?? null,
  topic: { ...telemetry.topic, name: "anything", partitions: 3 },
} as Stream;

export const numbered = {
  ...anything,
  name: "numbered",
  event: z.object({ id: z.number() }),
  key: () => null,
  topic: { ...anything.topic, name: "numbered" },
} as Stream;

export interface EdgeTestOptions {
  brokers?: string[];
  limits?: Partial<typeof LIMITS>;
  /** False where Kafka is away, or the topics are there already. */
  topics?: boolean;
  drainDeadlineMs?: number;
}

const logger = createLogger("test");
const streams = [telemetry as Stream, anything, numbered];

export async function startEdge(options: EdgeTestOptions = {}): Promise<TestEdge> {
  const brokers = options.brokers ?? process.env.KAFKA_BROKERS!.split(",");
  const withTopics = options.topics ?? true;
  const prefix = `t${randomBytes(4).toString("hex")}_`;
  if (withTopics) await ensureTopics(brokers, prefix, streams, logger);
  const edge = createEdge({
    config: {
      kafkaBrokers: brokers,
      prefix,
      edge: { ...LIMITS, ...options.limits },
      drainDeadlineMs: options.drainDeadlineMs ?? 5_000,
    },
    streams,
    logger,
  });
  const { port } = await edge.start();
  const url = `http://127.0.0.1:${port}`;
  if (withTopics) {
    await until("the edge to be ready", 10_000, async () => {
      const response = await fetch(`${url}/readyz`);
      await response.body?.cancel();
      return response.ok;
    });
  }
  return {
    url,
    port,
    edge,
    topic: (stream) => topicName(prefix, stream),
    count: (stream) =>
      withAdmin(async (admin) => {
        const ends = await admin.fetchTopicOffsets(topicName(prefix, stream));
        return ends.reduce((sum, { high }) => sum + Number(high), 0);
      }),
    async stop() {
      await edge.stop();
      if (!withTopics) return;
      const topics = streams.flatMap((stream) => [
        topicName(prefix, stream),
        deadLetterTopicName(prefix, stream),
      ]);
      await withAdmin((admin) => admin.deleteTopics({ topics }));
    },
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: AnswerBody;
}

interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  path: string;
}

/** All that the edge may say; a test asks for what it expects. */
export interface AnswerBody extends ProblemBody {
  accepted: number;
  rejected: number;
  results: {
    index: number;
    id: string;
    partition: number;
    offset: number;
    problem: ProblemBody;
  }[];
}

export async function post(
  url: string,
  stream: string,
  body: BodyInit | null,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/v1/streams/${stream}`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
  return await readAnswer(response);
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : JSON.parse(text),
  };
}
