/**
 * Dead letters that are not yet in their topic. They are chosen by what was not published, never by
 * `id >`: an older transaction may commit later.
 */

import { inArray, isNull, sql } from "drizzle-orm";
import { deadLetters } from "../../drizzle/schema.ts";
import { nowUtc } from "../writer/checkpoints.ts";
import type { Database } from "../writer/database.ts";

const LETTERS_MAX = 100;
const BYTES_MAX = 4_194_304;

export type DeadLetter = typeof deadLetters.$inferSelect;

/** The next letters to publish, at most 4 MiB of them and at least one. */
export async function takeUnpublished(database: Database): Promise<DeadLetter[]> {
  return await database.transaction(async (tx) => {
    const sizes = await tx.db
      .select({
        id: deadLetters.id,
        bytes: sql<string>`COALESCE(LENGTH(${deadLetters.payload}), 0)`,
      })
      .from(deadLetters)
      .where(isNull(deadLetters.publishedAt))
      .orderBy(deadLetters.id)
      .limit(LETTERS_MAX);
    const ids: number[] = [];
    let bytes = 0;
    for (const letter of sizes) {
      bytes += Number(letter.bytes);
      if (ids.length > 0 && bytes > BYTES_MAX) break;
      ids.push(letter.id);
    }
    if (ids.length === 0) return [];
    return await tx.db.select().from(deadLetters).where(inArray(deadLetters.id, ids))
      .orderBy(deadLetters.id);
  });
}

export async function markPublished(database: Database, ids: number[]): Promise<void> {
  await database.transaction((tx) =>
    tx.db.update(deadLetters).set({ publishedAt: nowUtc() }).where(inArray(deadLetters.id, ids))
  );
}
