/**
 * A sink's table as the proof sees it: which columns are read, and one hash of identity and one of
 * content that are the same for a row as it was sent and as MariaDB gives it back.
 */

import { hashOf } from "../ledger/format.ts";
import { identityColumns } from "../stream/check.ts";
import type { Stream, TableSink } from "../stream/mod.ts";
import { BulkInsert, isAutoIncrement, quoteName } from "../writer/bulk.ts";
import { CliError } from "./output.ts";

type Column = BulkInsert["columns"][number][1];

interface Field {
  property: string;
  column: Column;
  /** What it is called in a page of rows. */
  alias: string;
  isDouble: boolean;
}

export interface Hashes {
  identity: number;
  content: number;
}

const POSITION = ["kafkaPartition", "kafkaOffset"];

export class RowShape {
  readonly table: string;
  /** Names of the identity's columns in SQL; empty where each record is its own. */
  readonly identity: string[];
  readonly hasPosition: boolean;
  readonly idName: string;
  /** For SELECT: the row's id, its position, and then its values. */
  readonly positionList: string;
  readonly fullList: string;
  readonly #fields: Field[];
  readonly #identityFields: Field[];

  constructor(stream: Stream, sink: TableSink) {
    const { columns, tableName } = new BulkInsert(sink.table);
    const rowId = columns.find(([, column]) => isAutoIncrement(column));
    if (!rowId) {
      throw new CliError(
        `Cannot verify ${stream.name}: its table needs an auto-increment column for its order`,
      );
    }
    const names = new Map(columns.map(([property, column]) => [property, quoteName(column.name)]));
    this.table = tableName;
    this.idName = quoteName(rowId[1].name);
    this.hasPosition = POSITION.every((property) => names.has(property));
    this.identity = identityColumns(stream).map((property) => names.get(property)!);
    this.#fields = columns
      .filter(([property]) => property !== rowId[0] && !POSITION.includes(property))
      .map(([property, column], index) => ({
        property,
        column,
        alias: `c${index}`,
        isDouble: /^(double|float|real)/.test(column.getSQLType()),
      }));
    this.#identityFields = identityColumns(stream)
      .map((property) => this.#fields.find((field) => field.property === property)!);
    const position = this.hasPosition
      ? `,${names.get("kafkaPartition")} AS p,${names.get("kafkaOffset")} AS o`
      : "";
    this.positionList = `${this.idName} AS id${position}`;
    this.fullList = this.positionList + this.#fields.map(selectOf).join("");
  }

  /** Of a row as the stream's declaration makes it. */
  ofSent(row: Record<string, unknown>): Hashes {
    const textOf = ({ property, column, isDouble }: Field) => {
      const value = row[property];
      return value === undefined || value === null
        ? null
        : canonical(column.mapToDriverValue(value), isDouble);
    };
    return {
      identity: hashOf(this.#identityFields.map(textOf)),
      content: hashOf(this.#fields.map(textOf)),
    };
  }

  /** Of a row that was read with `fullList`; apart, since most rows are of another pass. */
  storedIdentity(row: Record<string, unknown>): number {
    return hashOf(this.#identityFields.map((field) => storedText(row, field)));
  }

  storedContent(row: Record<string, unknown>): number {
    return hashOf(this.#fields.map((field) => storedText(row, field)));
  }
}

/** Doubles as text: the driver's own parser of short ones is off by the last bit. */
function selectOf({ column, alias, isDouble }: Field): string {
  const name = quoteName(column.name);
  return `,${isDouble ? `CONCAT(${name})` : name} AS ${alias}`;
}

function storedText(row: Record<string, unknown>, { alias, isDouble }: Field): string | null {
  return canonical(row[alias], isDouble);
}

function canonical(value: unknown, isDouble: boolean): string | null {
  if (value === null || value === undefined) return null;
  if (isDouble) return String(Number(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "boolean") return value ? "1" : "0";
  return String(value);
}
