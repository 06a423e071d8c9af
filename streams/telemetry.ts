/** Home energy devices: each reports its power once a minute. */

import { bigint, double, mysqlEnum, unique } from "drizzle-orm/mysql-core";
import { z } from "zod";
import { bytesText, defineStream, instant, position, streamTable, utc } from "../src/stream/mod.ts";

export const telemetryTable = streamTable("telemetry", {
  id: bigint("id", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
  deviceId: bytesText("device_id", { length: 32 }).notNull(),
  at: utc("at").notNull(),
  powerW: double("power_w").notNull(),
  status: mysqlEnum("status", ["ok", "warn", "fault"]).notNull(),
  ...position(),
}, (columns) => [unique("telemetry_identity").on(columns.deviceId, columns.at)]);

export default defineStream({
  name: "telemetry",
  event: z.object({
    deviceId: z.string().min(1).max(32),
    at: instant(), // Z, +09:00 and +0900 are one moment
    powerW: z.number(),
    status: z.enum(["ok", "warn", "fault"]),
  }),
  key: (event) => event.deviceId, // order is kept per device
  identity: ["deviceId", "at"], // a repeated report is not a second row
  topic: { partitions: 12, retentionHours: 72 },
  sinks: [
    {
      table: telemetryTable,
      row: (event) => event, // typed by the Drizzle table
      batch: { rowsMax: 2_000, lingerMs: 50 },
    },
  ],
});
