/** Requests to a user's own API, one event each. */

import { bigint, double, smallint, varchar } from "drizzle-orm/mysql-core";
import { z } from "zod";
import { defineStream, eventId, instant, position, streamTable, utc } from "../src/stream/mod.ts";

export const accessLogTable = streamTable("access_log", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  eventId: eventId(),
  at: utc("at").notNull(),
  ip: varchar("ip", { length: 45 }).notNull(),
  method: varchar("method", { length: 16 }).notNull(),
  path: varchar("path", { length: 2048 }).notNull(),
  status: smallint("status", { unsigned: true }).notNull(),
  bytes: bigint("bytes", { mode: "number", unsigned: true }),
  durationMs: double("duration_ms"),
  userId: varchar("user_id", { length: 64 }),
  userAgent: varchar("user_agent", { length: 512 }),
  referrer: varchar("referrer", { length: 2048 }),
  ...position(),
});

export default defineStream({
  name: "access_log",
  event: z.object({
    at: instant(),
    ip: z.string().max(45),
    method: z.string().max(16),
    path: z.string().max(2048),
    status: z.int().min(100).max(999),
    bytes: z.int().min(0).nullish(),
    durationMs: z.number().min(0).nullish(),
    userId: z.string().max(64).nullish(),
    userAgent: z.string().max(512).nullish(),
    referrer: z.string().max(2048).nullish(),
  }),
  key: (event) => event.userId ?? event.ip,
  identity: "id", // the same line of a file, sent again, is not a second row
  topic: { partitions: 6 },
  sinks: [
    {
      table: accessLogTable,
      row: (event) => event,
      batch: { rowsMax: 1_000, lingerMs: 200 },
    },
  ],
});
