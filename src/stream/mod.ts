/** What a stream's file imports. */

export { type Conflict, defineStream, type Identity, type Stream } from "./define.ts";
export { instant } from "./instant.ts";
export { bytesText, eventId, position, streamTable, type TableSink, utc } from "./table.ts";
