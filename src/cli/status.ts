/** `millrace status`: where every partition stands, beside where its log ends. */

import { makeKafka } from "../kafka/client.ts";
import { topicReader } from "../kafka/topic_reader.ts";
import type { Stream } from "../stream/mod.ts";
import { topicName } from "../stream/names.ts";
import { createLogger } from "../telemetry/log.ts";
import { openDatabase } from "../writer/database.ts";
import { readStatus } from "../writer/operate.ts";
import { printRows } from "./output.ts";
import { readSettings } from "./settings.ts";

export interface PartitionStatus {
  stream: string;
  sink: string;
  partition: number;
  state: string;
  next: number;
  end: number | null;
  lag: number | null;
  records: number;
  rows: number;
  repeated: number;
  ignored: number;
  dead: number;
  reason: string | null;
}

export async function partitionStatuses(streams: Stream[]): Promise<PartitionStatus[]> {
  const config = await readSettings();
  const database = openDatabase(config.databaseUrl, 1);
  const reader = topicReader(makeKafka(config.kafkaBrokers, createLogger("status")));
  try {
    const rows = await readStatus(database, streams);
    const ends = new Map<string, number>();
    for (const stream of streams) {
      const bounds = await reader.bounds(topicName(config.prefix, stream)).catch(() => new Map());
      for (const [partition, { high }] of bounds) ends.set(`${stream.name} ${partition}`, high);
    }
    return rows.map((row) => {
      const end = ends.get(`${row.stream} ${row.kafkaPartition}`) ?? null;
      const { stream, sink, state, next, records, rows, repeated, ignored, dead, reason } = row;
      const lag = end === null ? null : Math.max(0, end - next);
      const partition = row.kafkaPartition;
      return {
        stream,
        sink,
        partition,
        state,
        next,
        end,
        lag,
        records,
        rows,
        repeated,
        ignored,
        dead,
        reason,
      };
    });
  } finally {
    await reader.close();
    await database.close();
  }
}

export async function showStatus(streams: Stream[], json: boolean): Promise<void> {
  printRows((await partitionStatuses(streams)).map((status) => ({ ...status })), json);
}
