/** From a record of the log to the values of its row, or the reason why there is none. */

import { RejectError } from "../core/errors.ts";
import type { LogRecord } from "../core/ports.ts";
import type { Stream } from "./define.ts";
import { InvalidJson, parseJson } from "./json.ts";
import { EVENT_ID_LENGTH_MAX, type TableSink } from "./table.ts";

export interface Decoded {
  id: string;
  row: Record<string, unknown>;
}

/**
 * @param origin where the record lies; it makes the id of a record that brought none.
 * @throws RejectError
 */
export function decodeRecord(
  stream: Stream,
  sink: TableSink,
  record: LogRecord,
  origin: { topicId: string; partition: number },
): Decoded {
  const value = parseValue(record);
  const result = stream.event.safeParse(value);
  if (!result.success) throw new RejectError("REJECT_SCHEMA", describeIssues(result.error.issues));
  const id = record.id ?? ownId(value) ?? `${origin.partition}-${record.offset}-${origin.topicId}`;
  if (id.length === 0 || id.length > EVENT_ID_LENGTH_MAX) {
    throw new RejectError(
      "REJECT_SCHEMA",
      `The event id has ${id.length} characters; it needs 1 to ${EVENT_ID_LENGTH_MAX}`,
    );
  }
  try {
    return { id, row: sink.row(result.data) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RejectError("REJECT_MAP", `The stream's row() failed: ${message}`);
  }
}

function parseValue(record: LogRecord): unknown {
  if (record.value === null || record.value === "") {
    throw new RejectError("REJECT_DECODE", "The value is empty");
  }
  if (typeof record.value !== "string") {
    throw new RejectError("REJECT_DECODE", "The value is not UTF-8");
  }
  try {
    return parseJson(record.value);
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    throw new RejectError("REJECT_DECODE", `The value is not usable JSON: ${error.message}`);
  }
}

/** An event's own member `id` is its id where it is text. */
export function ownId(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "id")) return null;
  const id = (value as { id: unknown }).id;
  return typeof id === "string" ? id : null;
}

/** Paths and what was expected; never the values. */
function describeIssues(issues: { path: PropertyKey[]; message: string }[]): string {
  const shown = issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join(".");
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : "";
  return shown.join("; ") + more;
}
