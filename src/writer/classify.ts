/**
 * What a failure of MariaDB is about: a row, the moment, or the stream. The one table of error
 * numbers. Source: MariaDB's error codes (https://mariadb.com/kb/en/mariadb-error-code-reference/)
 * and `reference/hazards.md` D1–D24.
 */

import { DrizzleQueryError } from "drizzle-orm/errors";
import { HaltError, RejectError, TransientError } from "../core/errors.ts";

export interface ServerError extends Error {
  errno?: number;
  code?: string;
  sqlState?: string;
  sqlMessage?: string;
  /** mysql2: the connection cannot be used any more. */
  fatal?: boolean;
}

export type FailureKind = "reject" | "transient" | "halt" | "unclassified" | "bug";

/** Evidence against a row: InnoDB undoes the statement and the transaction goes on. */
const REJECT = new Set([
  1048, // column cannot be null
  1062, // duplicate entry
  1264, // out of range
  1265, // data truncated
  1292, // incorrect value for the type
  1300, // invalid character string
  1366, // incorrect value for the column
  1367, // illegal value while parsing
  1406, // data too long
  1411, // incorrect value for a function
  1416, // not a geometry
  1441, // datetime overflow
  1452, // foreign key: no parent row
  1526, // no partition for the value
  1644, // a trigger's SIGNAL
  1690, // out of range in an expression
  1918, // bad data conversion
  3819, // check violated (MySQL)
  4025, // check violated
  4038, // JSON: malformed
]);

/** About the moment. A lost connection is never a reason to bisect. */
const TRANSIENT: Record<number, `TRANSIENT_${string}`> = {
  1020: "TRANSIENT_DEADLOCK", // record has changed since last read
  1021: "TRANSIENT_DISK",
  1030: "TRANSIENT_ENGINE",
  1040: "TRANSIENT_CONNECTION",
  1041: "TRANSIENT_MEMORY",
  1053: "TRANSIENT_CONNECTION",
  1114: "TRANSIENT_DISK",
  1129: "TRANSIENT_CONNECTION",
  1158: "TRANSIENT_CONNECTION",
  1159: "TRANSIENT_CONNECTION",
  1160: "TRANSIENT_CONNECTION",
  1161: "TRANSIENT_CONNECTION",
  1180: "TRANSIENT_ENGINE", // error during commit
  1203: "TRANSIENT_CONNECTION",
  1205: "TRANSIENT_LOCK",
  1206: "TRANSIENT_LOCK",
  1213: "TRANSIENT_DEADLOCK",
  1226: "TRANSIENT_CONNECTION",
  1290: "TRANSIENT_READ_ONLY",
  1305: "TRANSIENT_ROLLED_BACK", // the savepoint is gone: the server undid the transaction
  1317: "TRANSIENT_INTERRUPTED",
  1637: "TRANSIENT_ENGINE",
  1792: "TRANSIENT_READ_ONLY",
  1836: "TRANSIENT_READ_ONLY",
  1927: "TRANSIENT_CONNECTION",
  1969: "TRANSIENT_INTERRUPTED", // max_statement_time
  2006: "TRANSIENT_CONNECTION",
  2013: "TRANSIENT_CONNECTION",
  4031: "TRANSIENT_CONNECTION",
};

/** About the stream: a person has to change something. */
const HALT: Record<number, `HALT_${string}`> = {
  1044: "HALT_ACCESS",
  1045: "HALT_ACCESS",
  1049: "HALT_DATABASE",
  1054: "HALT_TABLE", // unknown column
  1136: "HALT_TABLE",
  1142: "HALT_ACCESS",
  1143: "HALT_ACCESS",
  1146: "HALT_TABLE",
  1227: "HALT_ACCESS",
  1364: "HALT_TABLE", // a column that the stream does not fill has no default
  1698: "HALT_ACCESS",
};

/** The error below Drizzle's wrapper, whose message holds every parameter. */
export function rootCause(error: unknown): unknown {
  return error instanceof DrizzleQueryError && error.cause ? error.cause : error;
}

export function failureKind(error: unknown): FailureKind {
  const cause = rootCause(error);
  if (cause instanceof RejectError) return "reject";
  if (cause instanceof TransientError) return "transient";
  if (cause instanceof HaltError) return "halt";
  if (!(cause instanceof Error)) return "bug";
  const { errno, code, fatal } = cause as ServerError;
  if (isConnectionFailure(code)) return "transient";
  // What mysql2 says of a connection that is closed already has no code.
  if (fatal === true && errno === undefined) return "transient";
  if (errno === undefined || code === undefined) return "bug";
  if (REJECT.has(errno)) return "reject";
  if (errno in TRANSIENT) return "transient";
  return errno in HALT ? "halt" : "unclassified";
}

function isConnectionFailure(code: string | undefined): boolean {
  return code !== undefined && /^(PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET)/
    .test(code);
}

/** True where the server has answered the last statement and the rollback went through. */
export function leavesConnectionUsable(error: unknown): boolean {
  const cause = rootCause(error);
  const kind = failureKind(cause);
  if (kind === "transient") {
    const code = transientCode(cause);
    return code !== "TRANSIENT_CONNECTION" && code !== "TRANSIENT_DEADLINE";
  }
  return kind !== "bug";
}

function transientCode(cause: unknown): `TRANSIENT_${string}` {
  if (cause instanceof TransientError) return cause.code;
  return TRANSIENT[(cause as ServerError).errno ?? 0] ?? "TRANSIENT_CONNECTION";
}

/** The same failure in the words of the core; what is not MariaDB's comes back as it is. */
export function asMillraceError(error: unknown): unknown {
  const cause = rootCause(error);
  const { errno, code, sqlState } = cause as ServerError;
  const where = `MariaDB answered ${errno ?? ""} ${code ?? ""} (${sqlState ?? "no SQLSTATE"})`;
  switch (failureKind(cause)) {
    case "transient":
      if (cause instanceof TransientError) return cause;
      return new TransientError(transientCode(cause), where, { cause });
    case "unclassified":
      return new TransientError("TRANSIENT_UNCLASSIFIED", where, { cause });
    case "halt":
      if (cause instanceof HaltError) return cause;
      return new HaltError(HALT[errno ?? 0] ?? "HALT_TABLE", messageOf(cause), { cause });
    case "reject":
      // Where rows are written rejects are caught; what arrives here came from a table of ours.
      return new HaltError("HALT_OWN_TABLE", messageOf(cause), { cause });
    case "bug":
      return cause;
  }
}

/** MariaDB's refusal of one row, as its dead letter says it. */
export function asReject(error: unknown): RejectError {
  const cause = rootCause(error);
  if (cause instanceof RejectError) return cause;
  const { errno, sqlState } = cause as ServerError;
  const message = messageOf(cause);
  const column = /column [`']?(?:[^`'\s]*[`']?\.[`'])*([A-Za-z_0-9]+)[`']/i.exec(message)?.[1];
  const code = failureKind(cause) === "unclassified" ? "REJECT_UNCLASSIFIED" : "REJECT_ROW";
  return new RejectError(code, message, {
    ...(errno === undefined ? {} : { errno }),
    ...(sqlState === undefined ? {} : { sqlState }),
    ...(column === undefined ? {} : { column }),
  });
}

function messageOf(cause: unknown): string {
  const { sqlMessage, message } = cause as ServerError;
  return sqlMessage ?? message;
}
