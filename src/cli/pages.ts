/** Reads a table by pages in the order of its ids; the next page comes while one is looked at. */

import type { Database } from "../writer/database.ts";

export type StoredRow = Record<string, unknown> & { id: string | number };

const ROWS_MAX = 5_000;

export interface PageQuery {
  /** What is selected; the id as `id`. */
  list: string;
  table: string;
  idName: string;
  where?: string;
}

export async function eachRow(
  database: Database,
  { list, table, idName, where = "TRUE" }: PageQuery,
  visit: (row: StoredRow) => void,
): Promise<void> {
  const pageAfter = (id: string | number) =>
    database.transaction((tx) =>
      tx.select(
        `SELECT ${list} FROM ${table} WHERE ${where} AND ${idName}>${id} ` +
          `ORDER BY ${idName} LIMIT ${ROWS_MAX}`,
      )
    ) as Promise<StoredRow[]>;
  let page = await pageAfter(0);
  while (page.length > 0) {
    const next = page.length < ROWS_MAX ? null : pageAfter(page.at(-1)!.id);
    // If a visitor throws, nobody waits for the next page any more.
    next?.catch(() => {});
    for (const row of page) visit(row);
    page = await next ?? [];
  }
}
