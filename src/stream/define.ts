/**
 * What a stream declares. Endpoint, topic, validator, table, queues and dead letters derive from
 * this one declaration, and a wrong one is refused when it is loaded, with what to change.
 */

import type { output, ZodType } from "zod";
import type { MySqlTable } from "drizzle-orm/mysql-core";
import { checkStream } from "./check.ts";
import { type TableDeclaration, type TableSink, tableSink } from "./table.ts";

/**
 * What makes two records the same event: `"id"`, the event's id in a UNIQUE column `eventId`; the
 * names of the columns of a natural key; or `"offset"`, each record is its own.
 */
export type Identity = "id" | "offset" | string[];

/**
 * What happens to a second event of one identity with other content: the first stays, the newer
 * `version` wins, or the second becomes a dead letter `REJECT_CONFLICT`.
 */
export type Conflict = "ignore" | "replace" | "error";

export interface TopicSettings {
  /** The stream's name where it is not given. */
  name?: string;
  partitions: number;
  replicationFactor?: number;
  minInsyncReplicas?: number;
  retentionHours?: number;
}

export interface StreamDeclaration<Schema extends ZodType, Tables extends MySqlTable[]> {
  name: string;
  event: Schema;
  /** Order is kept per key. Without one, or where it answers null, the event's id is the key. */
  key?: (event: output<Schema>) => string | null;
  identity: Identity;
  conflict?: Conflict;
  /** For `conflict: "replace"`: the column that says which of two events is newer. */
  version?: string;
  topic: TopicSettings;
  sinks: { [I in keyof Tables]: TableDeclaration<Tables[I], output<Schema>> };
}

export interface Stream<Event = unknown> {
  readonly name: string;
  readonly event: ZodType<Event>;
  readonly key: (event: Event) => string | null;
  readonly identity: Identity;
  readonly conflict: Conflict;
  readonly version: string | null;
  readonly topic: Required<TopicSettings>;
  readonly sinks: readonly TableSink<Event>[];
}

/** @throws TypeError with a sentence that says what to change. */
export function defineStream<Schema extends ZodType, Tables extends MySqlTable[]>(
  declared: StreamDeclaration<Schema, Tables>,
): Stream<output<Schema>> {
  const stream: Stream<output<Schema>> = {
    name: declared.name,
    event: declared.event as ZodType<output<Schema>>,
    key: declared.key ?? (() => null),
    identity: declared.identity,
    conflict: declared.conflict ?? "ignore",
    version: declared.version ?? null,
    topic: {
      name: declared.topic.name ?? declared.name,
      partitions: declared.topic.partitions,
      replicationFactor: declared.topic.replicationFactor ?? 1,
      minInsyncReplicas: declared.topic.minInsyncReplicas ?? 1,
      retentionHours: declared.topic.retentionHours ?? 168,
    },
    sinks: declared.sinks.map((sink) => tableSink<output<Schema>>(sink)),
  };
  checkStream(stream as Stream);
  return stream;
}
