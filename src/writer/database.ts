/**
 * Connections to MariaDB and the one way to run a transaction on them. A connection is set up
 * before its first use and thrown away after any error that leaves its state in doubt.
 */

import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import mysql, {
  type PoolConnection,
  type ResultSetHeader,
  type RowDataPacket,
} from "mysql2/promise";
import { TransientError } from "../core/errors.ts";
import { leavesConnectionUsable } from "./classify.ts";

export type Db = MySql2Database<Record<string, never>>;

/** What a transaction works with: Drizzle for small statements, text for bulk ones. */
export interface Transaction {
  db: Db;
  /** Runs a statement that changes rows; answers how many were affected. */
  execute(text: string): Promise<number>;
  select(text: string): Promise<RowDataPacket[]>;
}

export interface Database {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Bytes one statement may have. */
  statementBytesMax(): Promise<number>;
  close(): Promise<void>;
}

/**
 * In force in each session: READ COMMITTED takes few gap locks; strict modes refuse what would be
 * stored changed; the limits free what a dead or slow client holds.
 */
const SESSION: Record<string, string | number> = {
  tx_isolation: "READ-COMMITTED",
  sql_mode: "TRADITIONAL",
  time_zone: "+00:00",
  innodb_lock_wait_timeout: 5,
  idle_transaction_timeout: 10,
  max_statement_time: 60,
  lock_wait_timeout: 10,
};

/** Nothing that a transaction does takes this long unless the server has stopped answering. */
const TRANSACTION_DEADLINE_MS = 90_000;

export function openDatabase(url: string, connectionsMax: number): Database {
  const pool = mysql.createPool({
    uri: url,
    connectionLimit: connectionsMax,
    maxIdle: connectionsMax,
    idleTimeout: 60_000,
    connectTimeout: 5_000,
    enableKeepAlive: true,
    // affectedRows must say what changed, not what was found.
    flags: ["-FOUND_ROWS", "-LOCAL_FILES"],
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    timezone: "Z",
    charset: "utf8mb4",
  });
  const prepared = new WeakSet<object>();
  let packetBytesMax = 0;

  const acquire = async (): Promise<PoolConnection> => {
    const connection = await pool.getConnection();
    if (prepared.has(connection.connection)) return connection;
    try {
      packetBytesMax = await prepareSession(connection);
      prepared.add(connection.connection);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  };

  return {
    async transaction(work) {
      const connection = await acquire();
      return await within(connection, async () => {
        const db = drizzle(connection) as unknown as Db;
        return await db.transaction(async (tx) => {
          return await work({
            db: tx as unknown as Db,
            execute: async (text) => {
              const [result] = await connection.query<ResultSetHeader>(text);
              return result.affectedRows;
            },
            select: async (text) => (await connection.query<RowDataPacket[]>(text))[0],
          });
        });
      });
    },
    async statementBytesMax() {
      if (packetBytesMax === 0) (await acquire()).release();
      return packetBytesMax - 1024;
    },
    close: () => pool.end(),
  };
}

/** Sets the session, sees that it holds, and answers `max_allowed_packet`. */
async function prepareSession(connection: PoolConnection): Promise<number> {
  const settings = Object.entries(SESSION)
    .map(([name, value]) => `${name} = ${typeof value === "number" ? value : `'${value}'`}`);
  await connection.query(`SET SESSION ${settings.join(", ")}`);
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT @@tx_isolation AS isolation, @@sql_mode AS modes, @@max_allowed_packet AS packet",
  );
  const { isolation, modes, packet } = rows[0] as Record<string, string>;
  if (isolation !== SESSION.tx_isolation || !modes?.includes("STRICT_TRANS_TABLES")) {
    throw new TransientError(
      "TRANSIENT_SESSION",
      `Cannot set up the session: isolation is ${isolation}, sql_mode is ${modes}`,
    );
  }
  return Number(packet);
}

/** Runs the work and gives the connection back, or destroys it where its state is in doubt. */
async function within<T>(connection: PoolConnection, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = TRANSACTION_DEADLINE_MS / 1000;
      reject(
        new TransientError("TRANSIENT_DEADLINE", `MariaDB did not answer for ${seconds} s`),
      );
    }, TRANSACTION_DEADLINE_MS);
  });
  const running = work();
  // After the deadline the work fails when its connection is destroyed; nobody waits for it then.
  running.catch(() => {});
  try {
    const result = await Promise.race([running, deadline]);
    connection.release();
    return result;
  } catch (error) {
    if (leavesConnectionUsable(error)) connection.release();
    else connection.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
