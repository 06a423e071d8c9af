/** Millrace's own tables in the user's database. See docs and design §8 for what they promise. */

import { sql } from "drizzle-orm";
import {
  bigint,
  char,
  customType,
  index,
  int,
  mysqlEnum,
  primaryKey,
  text,
  unique,
  varchar,
} from "drizzle-orm/mysql-core";
import { bytesText, streamTable, utc } from "../src/stream/table.ts";

const longBlob = customType<{ data: Buffer }>({ dataType: () => "longblob" });
const sha256 = customType<{ data: Buffer }>({ dataType: () => "binary(32)" });
const epochNumber = customType<{ data: string; driverData: string | number }>({
  dataType: () => "bigint unsigned",
  fromDriver: String,
});
const count = (name: string) => bigint(name, { mode: "number", unsigned: true }).notNull();
const now = sql`(UTC_TIMESTAMP(6))`;

const pipeline = () => ({
  stream: bytesText("stream", { length: 64 }).notNull(),
  sink: bytesText("sink", { length: 64 }).notNull(),
  kafkaPartition: int("kafka_partition").notNull(),
});

/** One row a partition of a pipeline: everything below `next` is in its table or a dead letter. */
export const checkpoints = streamTable("millrace_checkpoints", {
  ...pipeline(),
  /** Random, renewed whenever a person moves the position, so that old jobs are fenced. */
  epoch: epochNumber("epoch").notNull(),
  next: count("next_offset"),
  state: mysqlEnum("state", ["run", "pause", "halt"]).notNull().default("run"),
  reason: varchar("reason", { length: 1000 }),
  topicId: char("topic_id", { length: 36 }).notNull(),
  /** `records = rows + repeated + ignored + dead`, which `verify` checks. */
  records: count("records").default(0),
  rows: count("loaded_rows").default(0),
  repeated: count("repeated").default(0),
  ignored: count("ignored").default(0),
  dead: count("dead").default(0),
  updatedAt: utc("updated_at").notNull().default(now),
}, (table) => [primaryKey({ columns: [table.stream, table.sink, table.kafkaPartition] })]);

/** Records that were rejected, with their original bytes and the reason. */
export const deadLetters = streamTable("millrace_dead_letters", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  ...pipeline(),
  topic: varchar("topic", { length: 249 }).notNull(),
  kafkaOffset: count("kafka_offset"),
  kafkaTimestamp: utc("kafka_timestamp").notNull(),
  eventId: bytesText("event_id", { length: 255 }),
  /** SHA-256 of id and bytes, or of the position: the same letter is kept once. */
  fingerprint: sha256("fingerprint").notNull(),
  code: varchar("code", { length: 64 }).notNull(),
  message: varchar("message", { length: 1000 }).notNull(),
  sqlState: char("sql_state", { length: 5 }),
  errno: int("errno"),
  columnName: varchar("column_name", { length: 64 }),
  key: longBlob("message_key"),
  headers: longBlob("headers").notNull(),
  payload: longBlob("payload"),
  status: mysqlEnum("status", ["waiting", "redriven", "discarded"]).notNull().default("waiting"),
  createdAt: utc("created_at").notNull().default(now),
  /** When the relay knew it in `<topic>-dlt`; null until then. */
  publishedAt: utc("published_at"),
}, (table) => [
  unique("millrace_dead_letters_once").on(table.stream, table.sink, table.fingerprint),
  index("millrace_dead_letters_unpublished").on(table.publishedAt),
]);

/** What persons did to positions and states, and why. */
export const audit = streamTable("millrace_audit", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  at: utc("at").notNull().default(now),
  who: varchar("who", { length: 128 }).notNull(),
  action: varchar("action", { length: 32 }).notNull(),
  ...pipeline(),
  reason: varchar("reason", { length: 1000 }).notNull(),
  before: text("state_before").notNull(),
  after: text("state_after").notNull(),
});
