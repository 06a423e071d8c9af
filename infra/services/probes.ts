/**
 * Questions that only a working service answers. An open port proves nothing: a port forwarder, a
 * broker that still reads its log and a database in recovery accept connections too.
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";

const ANSWER_MS_MAX = 1_000;

export async function probeRedis(url: string): Promise<void> {
  const redis = new Redis(url, {
    connectTimeout: ANSWER_MS_MAX,
    commandTimeout: ANSWER_MS_MAX,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The promise only says "Connection is closed."; the event says why.
  let reason: unknown;
  redis.on("error", (error) => reason = error);
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

export async function probeMariadb(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: ANSWER_MS_MAX });
  connection.on("error", () => {});
  try {
    await connection.query({ sql: "SELECT 1", timeout: ANSWER_MS_MAX });
  } finally {
    connection.destroy();
  }
}

/**
 * Asks one broker for the cluster's metadata, and is content when a broker is in it: one that is
 * still fenced answers with none. The few bytes are written by hand, because a kafkajs client
 * warns about its own timers on stderr and costs more than the question.
 */
export async function probeKafka(address: string): Promise<void> {
  const socket = await open(address);
  try {
    socket.write(metadataRequest());
    const reply = await firstBytes(socket, 12);
    // Length, correlation id, then the count of brokers that the array holds.
    if (reply.readInt32BE(8) < 1) throw new Error("No broker is registered yet");
  } finally {
    socket.destroy();
  }
}

/** Metadata, version 1, about no topic. */
function metadataRequest(): Buffer {
  const clientId = Buffer.from("millrace-services");
  const request = Buffer.alloc(14 + clientId.length + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(3, 4); // The API's key
  request.writeInt16BE(1, 6); // Its version
  request.writeInt32BE(1, 8); // The correlation id
  request.writeInt16BE(clientId.length, 12);
  clientId.copy(request, 14);
  request.writeInt32BE(0, 14 + clientId.length); // The count of topics
  return request;
}

/**
 * For brokers that the environment names: they may ask for TLS or a login that this folder knows
 * nothing about, so one open port has to do.
 */
export async function probeOpenPort(addresses: string): Promise<void> {
  const sockets = addresses.split(",").map((address) => open(address.trim()));
  (await Promise.any(sockets)).destroy();
  // A slower socket of the others would keep the process alive.
  for (const socket of sockets) socket.then((late) => late.destroy(), () => {});
}

function open(address: string): Promise<Socket> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 9092) });
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error("No answer in 1 s")));
    // The listener stays, so that an error after the connection cannot end the process.
    socket.on("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

function firstBytes(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, Buffer.from(chunk)]);
      if (bytes.length >= count) resolve(bytes);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("The connection was closed without an answer")));
  });
}
