/**
 * Rows that an INSERT passed over because something of theirs is stored already. MariaDB itself is
 * asked whether a copy says the same: an update to the values it already has affects no row, and
 * it compares what would be stored, after every conversion.
 */

import { RejectError } from "../core/errors.ts";
import { encodeValue, isAutoIncrement, quoteName } from "./bulk.ts";
import { asReject, failureKind } from "./classify.ts";
import type { Transaction } from "./database.ts";
import type { Candidate, Loaded, Target } from "./load.ts";

/** Columns that say where a row came from and are no content. */
const ORIGIN = new Set(["eventId", "kafkaPartition", "kafkaOffset"]);
const FLAGS_MAX = 200;

export async function settleCopies(
  tx: Transaction,
  target: Target,
  copies: Candidate[],
  loaded: Loaded,
): Promise<void> {
  const known = await identityStored(tx, target, copies);
  const same: Candidate[] = [];
  for (const [i, copy] of copies.entries()) {
    if (known[i]) same.push(copy);
    else await insertAlone(tx, target, copy, loaded);
  }
  if (same.length === 0) return;
  if (await saysTheSame(tx, target, same)) {
    loaded.repeated += same.length;
    return;
  }
  for (const copy of same) await settleOne(tx, target, copy, loaded);
}

/** It was another unique key that stood in the way: the statement alone says which. */
async function insertAlone(
  tx: Transaction,
  target: Target,
  copy: Candidate,
  loaded: Loaded,
): Promise<void> {
  try {
    loaded.rows += await tx.execute(target.insert.statement([copy]));
  } catch (error) {
    if (failureKind(error) !== "reject") throw error;
    loaded.rejects.push({ index: copy.index, error: asReject(error) });
  }
}

async function settleOne(
  tx: Transaction,
  target: Target,
  copy: Candidate,
  loaded: Loaded,
): Promise<void> {
  if (await saysTheSame(tx, target, [copy])) {
    loaded.repeated++;
    return;
  }
  switch (target.stream.conflict) {
    case "ignore":
      loaded.ignored++;
      return;
    case "error":
      loaded.rejects.push({
        index: copy.index,
        error: new RejectError(
          "REJECT_CONFLICT",
          `An event of this identity (${target.identity.join(", ")}) with other content is stored`,
        ),
      });
      return;
    case "replace": {
      const changed = await tx.execute(target.insert.statement([copy], newerWins(target)));
      if (changed > 0) loaded.rows++;
      else loaded.ignored++;
    }
  }
}

/** Whether all stored rows would stay as they are if these were written over them. */
async function saysTheSame(
  tx: Transaction,
  target: Target,
  copies: Candidate[],
): Promise<boolean> {
  const columns = contentColumns(target);
  if (columns.length === 0) return true;
  const updates = columns.map((name) => `${name}=VALUES(${name})`).join(",");
  await tx.execute("SAVEPOINT compare");
  try {
    const changed = await tx.execute(
      target.insert.statement(copies, ` ON DUPLICATE KEY UPDATE ${updates}`),
    );
    if (changed === 0) return true;
  } catch (error) {
    if (failureKind(error) !== "reject") throw error;
  }
  await tx.execute("ROLLBACK TO SAVEPOINT compare");
  return false;
}

/** The version column is assigned last: each assignment sees what those before it have done. */
function newerWins(target: Target): string {
  const version = columnName(target, target.stream.version!);
  const others = target.insert.columns
    .filter(([property, column]) =>
      !target.identity.includes(property) && !isAutoIncrement(column) &&
      property !== target.stream.version
    )
    .map(([, column]) => quoteName(column.name));
  const updates = [...others, version].map((name) =>
    `${name}=IF(VALUES(${version})>${target.insert.tableName}.${version},VALUES(${name}),` +
    `${target.insert.tableName}.${name})`
  );
  return ` ON DUPLICATE KEY UPDATE ${updates.join(",")}`;
}

function contentColumns(target: Target): string[] {
  return target.insert.columns
    .filter(([property, column]) =>
      !target.identity.includes(property) && !ORIGIN.has(property) && !isAutoIncrement(column)
    )
    .map(([, column]) => quoteName(column.name));
}

function columnName(target: Target, property: string): string {
  const column = target.insert.columns.find(([name]) => name === property)![1];
  return quoteName(column.name);
}

/** For each copy, whether a row of its identity is stored. */
async function identityStored(
  tx: Transaction,
  target: Target,
  copies: Candidate[],
): Promise<boolean[]> {
  const columns = target.insert.columns.filter(([property]) => target.identity.includes(property));
  const stored: boolean[] = [];
  for (let start = 0; start < copies.length; start += FLAGS_MAX) {
    const part = copies.slice(start, start + FLAGS_MAX);
    const flags = part.map((copy, i) => {
      const where = columns.map(([property, column]) =>
        `${quoteName(column.name)}=${encodeValue(property, column, copy.row[property])}`
      ).join(" AND ");
      return `EXISTS(SELECT 1 FROM ${target.insert.tableName} WHERE ${where}) AS f${i}`;
    });
    const [row] = await tx.select(`SELECT ${flags.join(",")}`);
    for (let i = 0; i < part.length; i++) stored.push(Number(row?.[`f${i}`]) === 1);
  }
  return stored;
}
