/**
 * The table sink: a Drizzle table, how an event becomes its row, and how large a batch may grow.
 * The columns of `position()` and `eventId()` are filled by the writer and are not in `row`.
 */

import {
  bigint,
  customType,
  datetime,
  int,
  type MySqlTable,
  mysqlTableCreator,
} from "drizzle-orm/mysql-core";
import process from "node:process";

/** Columns that the writer or the server fills. */
type Filled = "id" | "eventId" | "kafkaPartition" | "kafkaOffset";

export interface BatchLimits {
  rowsMax?: number;
  /** Longest wait of an open batch. */
  lingerMs?: number;
}

/** A table sink as a stream declares it. */
export interface TableDeclaration<Table extends MySqlTable, Event> {
  table: Table;
  /** Names the pipeline where a stream has several sinks. */
  name?: string;
  row: (event: Event) => Omit<Table["$inferInsert"], Filled>;
  batch?: BatchLimits;
}

export interface TableSink<Event = unknown> {
  readonly name: string;
  readonly table: MySqlTable;
  readonly row: (event: Event) => Record<string, unknown>;
  readonly batch: Required<BatchLimits>;
}

export function tableSink<Event>(declared: TableDeclaration<MySqlTable, Event>): TableSink<Event> {
  return {
    name: declared.name ?? "table",
    table: declared.table,
    row: declared.row,
    batch: {
      rowsMax: declared.batch?.rowsMax ?? 1_000,
      lingerMs: declared.batch?.lingerMs ?? 50,
    },
  };
}

/** `mysqlTable` with the installation's prefix before the name. */
export const streamTable = mysqlTableCreator((name) => (process.env.MILLRACE_PREFIX ?? "") + name);

/** Text that is compared byte by byte: `abc`, `ABC` and `abc ` are three values. */
export const bytesText = customType<{ data: string; config: { length: number } }>({
  dataType: (config) =>
    `varchar(${config?.length ?? 255}) character set utf8mb4 collate utf8mb4_nopad_bin`,
});

/** UTC with microseconds, as text `2026-11-21 03:30:00.123456`; see `instant()`. */
export const utc = (name: string) => datetime(name, { mode: "string", fsp: 6 });

/** Longest event id, in characters. */
export const EVENT_ID_LENGTH_MAX = 64;

/** The event's id, for streams whose identity it is. */
export const eventId = () =>
  bytesText("event_id", { length: EVENT_ID_LENGTH_MAX }).notNull().unique();

/** Where in the log a row came from. */
export const position = () => ({
  kafkaPartition: int("kafka_partition").notNull(),
  kafkaOffset: bigint("kafka_offset", { mode: "number", unsigned: true }).notNull(),
});
