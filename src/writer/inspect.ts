/** A sink's table as it is in MariaDB, beside its declaration. */

import { getTableConfig, type MySqlTable } from "drizzle-orm/mysql-core";
import type { Database } from "./database.ts";

/** One thing that was looked at, and what to change where it is not well. */
export interface Finding {
  level: "ok" | "warn" | "bad";
  subject: string;
  message: string;
}

/** Engine and columns against the declaration. */
export async function checkTable(
  database: Database,
  table: MySqlTable,
): Promise<Finding> {
  const { name, columns } = getTableConfig(table);
  const subject = `table ${name}`;
  const [found, present] = await database.transaction(async (tx) => [
    await tx.select(
      "SELECT ENGINE AS engine FROM information_schema.TABLES " +
        `WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${name}'`,
    ),
    await tx.select(
      "SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type FROM information_schema.COLUMNS " +
        `WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${name}'`,
    ),
  ]);
  if (!found[0]) return { level: "bad", subject, message: "it does not exist; run migrate" };
  if (found[0].engine !== "InnoDB") {
    const engine = found[0].engine as string;
    return { level: "bad", subject, message: `its engine is ${engine}; ALTER it to InnoDB` };
  }
  const missing = columns.filter((column) => !present.some((row) => row.name === column.name));
  if (missing.length > 0) {
    const names = missing.map((column) => column.name).join(", ");
    return { level: "bad", subject, message: `it lacks ${names}; run migrate` };
  }
  return { level: "ok", subject, message: `InnoDB, ${present.length} columns` };
}
