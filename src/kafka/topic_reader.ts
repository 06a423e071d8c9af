/**
 * What a topic is: its id, its partitions and where their logs begin and end. kafkajs knows
 * Metadata up to version 6, which has no topic ids, so version 10 is written here.
 */

import type { Admin, Kafka } from "kafkajs";
import { type Cluster, clusterOf } from "./cluster.ts";
import { Decoder, Encoder } from "./internals.js";
import type { LogBounds } from "../core/ports.ts";

export interface TopicReader {
  bounds(topic: string): Promise<Map<number, LogBounds>>;
  close(): Promise<void>;
}

const METADATA = { apiKey: 3, apiVersion: 10, apiName: "Metadata" };

/** Connects when it is first asked, and again after it was closed or has failed. */
export function topicReader(kafka: Kafka): TopicReader {
  let connected: Promise<{ admin: Admin; cluster: Cluster }> | null = null;
  const connect = async () => {
    const admin = kafka.admin({ retry: { retries: 2 } });
    const cluster = clusterOf(kafka);
    await Promise.all([admin.connect(), cluster.connect()]);
    await cluster.refreshMetadata();
    return { admin, cluster };
  };
  const close = async () => {
    const closing = connected;
    connected = null;
    const open = await closing?.catch(() => null);
    if (open) await Promise.allSettled([open.admin.disconnect(), open.cluster.disconnect()]);
  };
  return {
    async bounds(topic) {
      connected ??= connect();
      try {
        const { admin, cluster } = await connected;
        const before = await topicId(cluster, topic);
        const offsets = await admin.fetchTopicOffsets(topic);
        // A topic made again in between would give one's id to the other's offsets.
        const after = await topicId(cluster, topic);
        if (before !== after) throw new Error(`Topic "${topic}" was made again just now`);
        return new Map(
          offsets.map((
            { partition, low, high },
          ) => [partition, { topicId: after, low: Number(low), high: Number(high) }]),
        );
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

async function topicId(cluster: Cluster, topic: string): Promise<string> {
  const broker = await cluster.findControllerBroker();
  const answer = await broker.connectionPool.send({
    request: { ...METADATA, encode: () => encodeRequest(topic) },
    response: {
      decode: (data: Uint8Array) => decodeResponse(data),
      parse: (data: unknown) => data,
    },
  }) as { error: number; id: string };
  if (answer.error !== 0) {
    throw new Error(`Kafka answered ${answer.error} when asked for topic "${topic}"`);
  }
  return answer.id;
}

/** Metadata Request v10: tag buffer of the header, topics (id, name), three flags. */
function encodeRequest(topic: string): unknown {
  const encoder = new Encoder();
  encoder.writeUVarInt(0); // header: no tagged fields
  encoder.writeUVarInt(2); // one topic
  encoder.writeBufferInternal(Buffer.alloc(16));
  encoder.writeUVarIntString(topic);
  encoder.writeUVarInt(0);
  encoder.writeBoolean(false); // allow_auto_topic_creation
  encoder.writeBoolean(false);
  encoder.writeBoolean(false);
  encoder.writeUVarInt(0);
  return Promise.resolve(encoder);
}

/** Metadata Response v10, up to the id of its only topic. */
function decodeResponse(data: Uint8Array): Promise<{ error: number; id: string }> {
  const decoder = new Decoder(data);
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle_time_ms
  decoder.readUVarIntArray((brokers: typeof decoder) => {
    brokers.readInt32();
    brokers.readUVarIntString();
    brokers.readInt32();
    brokers.readUVarIntString();
    brokers.readTaggedFields();
  });
  decoder.readUVarIntString(); // cluster_id
  decoder.readInt32(); // controller_id
  decoder.readUVarInt(); // topics: one
  const error = decoder.readInt16();
  decoder.readUVarIntString();
  return Promise.resolve({
    error,
    id: asUuid(decoder.buffer.subarray(decoder.offset, decoder.offset + 16)),
  });
}

function asUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [8, 12, 16, 20, 32]
    .map((end, i, ends) => hex.slice(i === 0 ? 0 : ends[i - 1], end)).join("-");
}
