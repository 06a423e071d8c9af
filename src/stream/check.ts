/** Refuses a wrong declaration when it is loaded, with a sentence that says what to change. */

import { getTableColumns } from "drizzle-orm";
import { getTableConfig, type MySqlColumn } from "drizzle-orm/mysql-core";
import type { Stream } from "./define.ts";
import type { TableSink } from "./table.ts";

const NAME = /^[a-z][a-z0-9_]{0,47}$/;
const TOPIC = /^[a-zA-Z0-9._-]{1,200}$/;

/** @throws TypeError */
export function checkStream(stream: Stream): void {
  const refuse = (problem: string): never => {
    throw new TypeError(`Cannot declare stream "${stream.name}": ${problem}`);
  };
  if (!NAME.test(stream.name)) {
    refuse("its name must be 1 to 48 of a-z, 0-9 and _, and begin with a letter");
  }
  checkTopic(stream, refuse);
  if (stream.sinks.length === 0) refuse("it needs at least one sink, such as { table, row }");
  const names = stream.sinks.map((sink) => sink.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) refuse(`two sinks are named "${twice}"; give one of them another name`);
  if (stream.conflict === "replace" && stream.version === null) {
    refuse('conflict: "replace" needs version: the column that says which event is newer');
  }
  if (stream.version !== null && stream.conflict !== "replace") {
    refuse('version is only for conflict: "replace"; remove it or declare the conflict so');
  }
  for (const sink of stream.sinks) checkTable(stream, sink, refuse);
}

function checkTopic(stream: Stream, refuse: (problem: string) => never): void {
  const { name, partitions, replicationFactor, minInsyncReplicas, retentionHours } = stream.topic;
  if (!TOPIC.test(name) || name === "." || name === ".." || name.startsWith("__")) {
    refuse(`topic.name "${name}" must be 1 to 200 of a-z, A-Z, 0-9, ., _ and -`);
  }
  for (const [field, value] of Object.entries({ partitions, replicationFactor, retentionHours })) {
    if (!Number.isInteger(value) || value < 1) {
      refuse(`topic.${field} is ${value}; it must be a whole number from 1`);
    }
  }
  if (partitions > 10_000) refuse(`topic.partitions is ${partitions}; at most 10000 are possible`);
  if (minInsyncReplicas < 1 || minInsyncReplicas > replicationFactor) {
    refuse(
      `topic.minInsyncReplicas is ${minInsyncReplicas}; it must lie between 1 and ` +
        `replicationFactor ${replicationFactor}`,
    );
  }
}

function checkTable(stream: Stream, sink: TableSink, refuse: (problem: string) => never): void {
  if (!NAME.test(sink.name)) refuse(`the sink's name "${sink.name}" must be like a stream's`);
  const { rowsMax, lingerMs } = sink.batch;
  if (!Number.isInteger(rowsMax) || rowsMax < 1 || rowsMax > 20_000) {
    refuse(`batch.rowsMax is ${rowsMax}; it must be a whole number from 1 to 20000`);
  }
  if (!Number.isInteger(lingerMs) || lingerMs < 1 || lingerMs > 60_000) {
    refuse(`batch.lingerMs is ${lingerMs}; it must be a whole number from 1 to 60000`);
  }
  const columns = getTableColumns(sink.table) as Record<string, MySqlColumn>;
  const identity = identityColumns(stream);
  for (const name of [...identity, ...(stream.version ? [stream.version] : [])]) {
    if (!columns[name]) {
      refuse(
        `its table has no column "${name}"; declare it` +
          (name === "eventId" ? " as eventId: eventId()" : ", or name another one"),
      );
    }
  }
  if (identity.length === 0) return;
  for (const name of identity) checkIdentityColumn(name, columns[name]!, refuse);
  if (!isUnique(sink, identity.map((name) => columns[name]!.name))) {
    refuse(
      `its identity (${identity.join(", ")}) is not unique in the table; add ` +
        `unique().on(${identity.map((name) => `table.${name}`).join(", ")})`,
    );
  }
}

/** The names of the columns that make two records the same event; none for `"offset"`. */
export function identityColumns(stream: Pick<Stream, "identity">): string[] {
  if (stream.identity === "offset") return [];
  return stream.identity === "id" ? ["eventId"] : stream.identity;
}

function checkIdentityColumn(
  name: string,
  column: MySqlColumn,
  refuse: (problem: string) => never,
): void {
  if (!column.notNull) {
    refuse(
      `the identity's column "${name}" may be null, and nulls are never equal; add .notNull()`,
    );
  }
  const type = column.getSQLType().toLowerCase();
  const text = /char|text|enum|set/.test(type);
  if (text && !/nopad_bin|binary/.test(type)) {
    refuse(
      `the identity's column "${name}" would be compared by a collation that joins different ` +
        `texts; declare it with bytesText(…)`,
    );
  }
  if (/float|double|real/.test(type)) {
    refuse(`the identity's column "${name}" is a floating point number; use a decimal or text`);
  }
}

function isUnique(sink: TableSink, names: string[]): boolean {
  const config = getTableConfig(sink.table);
  const keys = [
    ...config.primaryKeys.map((key) => key.columns.map((column) => column.name)),
    ...config.uniqueConstraints.map((key) => key.columns.map((column) => column.name)),
    ...config.indexes.filter((index) => index.config.unique)
      .map((index) => index.config.columns.map((column) => "name" in column ? column.name : "")),
    ...config.columns.filter((column) => column.isUnique || column.primary)
      .map((column) => [column.name]),
  ];
  return keys.some((key) =>
    key.length === names.length && key.every((name) => names.includes(name))
  );
}
