/** The names that derive from a stream, with the installation's prefix. */

import type { PartitionKey } from "../core/ports.ts";
import type { Stream } from "./define.ts";

type Named = Pick<Stream, "topic">;

export function topicName(prefix: string, stream: Named): string {
  return prefix + stream.topic.name;
}

export function deadLetterTopicName(prefix: string, stream: Named): string {
  return `${topicName(prefix, stream)}-dlt`;
}

export function groupName(prefix: string, stream: string, sink: string): string {
  return `${prefix}millrace.${stream}.${sink}`;
}

/** BullMQ's prefix: it goes before every key in Redis. */
export function queuePrefix(prefix: string): string {
  return `${prefix}millrace`;
}

export function queueName(key: PartitionKey): string {
  return `${key.stream}.${key.sink}.${key.partition}`;
}
