/**
 * The configuration: flag, then environment, then default. This schema is the only place where a
 * setting is named; a command line flag is put into the environment before it is read.
 */

import process from "node:process";
import { z } from "zod";

const bytes = z.coerce.number().int().min(1024);
const port = z.coerce.number().int().min(0).max(65_535);
const ms = z.coerce.number().int().min(1);

const schema = z.object({
  KAFKA_BROKERS: z.string().min(1).describe("Kafka bootstrap servers, host:port with commas"),
  REDIS_URL: z.string().min(1).describe("Redis, as redis://host:port/db"),
  DATABASE_URL: z.string().min(1).describe("MariaDB for the roles: SELECT, INSERT, UPDATE, DELETE"),
  MILLRACE_ADMIN_DATABASE_URL: z.string().optional()
    .describe("MariaDB for migrate, which alone does DDL; DATABASE_URL where it is not given"),
  MILLRACE_PREFIX: z.string().regex(/^[a-z][a-z0-9_]{0,15}$|^$/).default("")
    .describe("Goes before tables, groups, queues and topics, so installations can share servers"),
  MILLRACE_EDGE_HOST: z.string().default("127.0.0.1").describe("Address the edge binds to"),
  MILLRACE_EDGE_PORT: port.default(8080).describe("Port of the edge; 0 picks a free one"),
  MILLRACE_BOARD_HOST: z.string().default("127.0.0.1").describe("Address the board binds to"),
  MILLRACE_BOARD_PORT: port.default(8081).describe("Port of the board; 0 picks a free one"),
  MILLRACE_BODY_BYTES_MAX: bytes.default(1_048_576).describe("Largest request body as sent"),
  MILLRACE_DECOMPRESSED_BYTES_MAX: bytes.default(8_388_608)
    .describe("Largest request body after gzip"),
  MILLRACE_RECORD_BYTES_MAX: bytes.default(262_144).describe("Largest single event"),
  MILLRACE_RECORDS_MAX: z.coerce.number().int().min(1).default(1_000)
    .describe("Most events in one request"),
  MILLRACE_EDGE_BYTES_IN_FLIGHT_MAX: bytes.default(67_108_864)
    .describe("Bytes of events the edge holds before it answers 503"),
  MILLRACE_EDGE_DEADLINE_MS: ms.default(5_000).describe("Longest wait for Kafka before a 503"),
  MILLRACE_BODY_DEADLINE_MS: ms.default(10_000).describe("Longest wait for a request's body"),
  MILLRACE_ACTOR_BYTES_IN_FLIGHT_MAX: bytes.default(67_108_864)
    .describe("Bytes of records an actor process holds, shared by its partitions"),
  MILLRACE_DRAIN_DEADLINE_MS: ms.default(20_000)
    .describe("Longest time to finish what is in flight after SIGTERM"),
  MILLRACE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info")
    .describe("Least level that is logged"),
});

type Raw = z.infer<typeof schema>;
export type Config = ReturnType<typeof shape>;

/**
 * Reads the configuration from the environment.
 * @throws TypeError naming each setting that is missing or wrong.
 */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = schema.safeParse(given);
  if (result.success) return shape(result.data);
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new TypeError(
    `Cannot read the configuration: ${problems.join("; ")}. ` +
      `\`npm run services -- env\` prints the addresses of the project's own services`,
  );
}

function shape(raw: Raw) {
  return {
    kafkaBrokers: raw.KAFKA_BROKERS.split(",").map((broker) => broker.trim()),
    redisUrl: raw.REDIS_URL,
    databaseUrl: raw.DATABASE_URL,
    adminDatabaseUrl: raw.MILLRACE_ADMIN_DATABASE_URL ?? raw.DATABASE_URL,
    prefix: raw.MILLRACE_PREFIX,
    edge: {
      host: raw.MILLRACE_EDGE_HOST,
      port: raw.MILLRACE_EDGE_PORT,
      bodyBytesMax: raw.MILLRACE_BODY_BYTES_MAX,
      decompressedBytesMax: raw.MILLRACE_DECOMPRESSED_BYTES_MAX,
      recordBytesMax: raw.MILLRACE_RECORD_BYTES_MAX,
      recordsMax: raw.MILLRACE_RECORDS_MAX,
      bytesInFlightMax: raw.MILLRACE_EDGE_BYTES_IN_FLIGHT_MAX,
      deadlineMs: raw.MILLRACE_EDGE_DEADLINE_MS,
      bodyDeadlineMs: raw.MILLRACE_BODY_DEADLINE_MS,
    },
    board: { host: raw.MILLRACE_BOARD_HOST, port: raw.MILLRACE_BOARD_PORT },
    actor: { bytesInFlightMax: raw.MILLRACE_ACTOR_BYTES_IN_FLIGHT_MAX },
    drainDeadlineMs: raw.MILLRACE_DRAIN_DEADLINE_MS,
    logLevel: raw.MILLRACE_LOG_LEVEL,
  };
}
