/**
 * Bulk INSERT as text. Built once per table: Drizzle's own builder costs several times more CPU a
 * row (stack.md §5). Values go through the columns' own encoders and defaults, as Drizzle's would,
 * and are escaped by one function.
 */

import { getTableColumns, is, SQL } from "drizzle-orm";
import { getTableConfig, type MySqlColumn, type MySqlTable } from "drizzle-orm/mysql-core";
import { HaltError, RejectError } from "../core/errors.ts";

export type Row = Record<string, unknown>;

/** A row as the text between `VALUES` and the next comma, `(…)`, and its length in UTF-8. */
export interface RowText {
  text: string;
  bytes: number;
}

export class BulkInsert {
  readonly tableName: string;
  readonly #columns: [property: string, column: MySqlColumn][];
  readonly #head: string;

  constructor(table: MySqlTable) {
    const { name, schema } = getTableConfig(table);
    this.tableName = schema ? `${quoteName(schema)}.${quoteName(name)}` : quoteName(name);
    this.#columns = Object.entries(getTableColumns(table) as Record<string, MySqlColumn>)
      .filter(([, column]) => column.generated === undefined);
    const names = this.#columns.map(([, column]) => quoteName(column.name)).join(",");
    this.#head = `INSERT INTO ${this.tableName} (${names}) VALUES `;
  }

  /** Columns by property, without generated ones, in the table's order. */
  get columns(): readonly [property: string, column: MySqlColumn][] {
    return this.#columns;
  }

  /** @throws RejectError where a value cannot be written as SQL. */
  encode(row: Row): RowText {
    let text = "(";
    for (let i = 0; i < this.#columns.length; i++) {
      const [property, column] = this.#columns[i]!;
      if (i > 0) text += ",";
      text += encodeValue(property, column, row[property]);
    }
    text += ")";
    return { text, bytes: Buffer.byteLength(text) };
  }

  statement(rows: RowText[], onDuplicate = ""): string {
    let text = this.#head + rows[0]!.text;
    for (let i = 1; i < rows.length; i++) text += "," + rows[i]!.text;
    return text + onDuplicate;
  }
}

/** A value of one column as SQL text, through the column's own encoder and default. */
export function encodeValue(property: string, column: MySqlColumn, value: unknown): string {
  let data = value;
  if (data === undefined) {
    data = column.defaultFn?.() ?? (column.default ? undefined : column.onUpdateFn?.());
    if (data === undefined) return "DEFAULT";
  }
  if (data === null) return "NULL";
  const driverValue = is(data, SQL) ? data : column.mapToDriverValue(data);
  if (is(driverValue, SQL)) {
    throw new HaltError("HALT_DECLARATION", `Column "${property}" is given SQL; give it a value`);
  }
  try {
    return escapeValue(driverValue);
  } catch (error) {
    throw new RejectError("REJECT_MAP", `Column "${property}": ${(error as Error).message}`, {
      column: column.name,
    });
  }
}

// deno-lint-ignore no-control-regex
const SPECIAL = /[\0\b\t\n\r\x1a"'\\]/;
// deno-lint-ignore no-control-regex
const SPECIALS = /[\0\b\t\n\r\x1a"'\\]/g;
const ESCAPES: Record<string, string> = {
  "\0": "\\0",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\x1a": "\\Z",
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
};

/**
 * A value as a SQL literal; the sessions' sql_mode has no NO_BACKSLASH_ESCAPES.
 * @throws TypeError for what has no literal: objects, functions, numbers that are not finite.
 */
export function escapeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return SPECIAL.test(value)
        ? `'${value.replace(SPECIALS, (character) => ESCAPES[character]!)}'`
        : `'${value}'`;
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} is no number that SQL knows`);
      return String(value);
    case "bigint":
      return String(value);
    case "boolean":
      return value ? "1" : "0";
  }
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString("hex")}'`;
  throw new TypeError(`A value of type ${typeof value} has no SQL literal`);
}

export function isAutoIncrement(column: MySqlColumn): boolean {
  return (column as { autoIncrement?: boolean }).autoIncrement === true;
}

/** @throws TypeError where the name is not one that we would give. */
export function quoteName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_$]{0,63}$/.test(name)) {
    throw new TypeError(`Cannot use "${name}" as the name of a table or column`);
  }
  return `\`${name}\``;
}
