/** The edge's app without sockets or Kafka: bodies, limits, and what is answered. */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Admission } from "../../src/edge/admission.ts";
import { edgeApp, type EdgeLimits, type EdgeParts } from "../../src/edge/app.ts";
import type { ProduceRecord, ProduceResult } from "../../src/kafka/producer.ts";
import type { Stream } from "../../src/stream/define.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const stream = {
  name: "s",
  event: z.looseObject({}),
  key: () => null,
  topic: { partitions: 4 },
} as unknown as Stream;

const limits: EdgeLimits = {
  bodyBytesMax: 10_000,
  decompressedBytesMax: 2_000_000,
  recordBytesMax: 5_000,
  recordsMax: 10,
  deadlineMs: 1_000,
  bodyDeadlineMs: 100,
};

interface World {
  parts: EdgeParts;
  produced: ProduceRecord[];
  post(body: BodyInit, headers?: Record<string, string>): Promise<Response>;
}

function world(overrides: Partial<EdgeParts> = {}): World {
  const produced: ProduceRecord[] = [];
  const parts: EdgeParts = {
    streams: [stream],
    limits,
    admission: new Admission(100_000, () => 0),
    produce: (_stream, records) => {
      produced.push(...records);
      return Promise.resolve(records.map(({ partition }, offset): ProduceResult => ({
        state: "acknowledged",
        partition,
        offset,
      })));
    },
    unreadyReason: () => null,
    isDraining: () => false,
    logger: quiet,
    ...overrides,
  };
  const app = edgeApp(parts);
  return {
    parts,
    produced,
    post: async (body, given = {}) => {
      const headers = { "content-type": "application/json", ...given };
      const init = { method: "POST", body, headers, duplex: "half" } as RequestInit;
      return await app.fetch(new Request("http://x/v1/streams/s", init));
    },
  };
}

const drip = (chunks: string[], everyMs = 0) =>
  new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = chunks.shift();
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
      if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });

describe("limits", () => {
  test("a body is counted as it comes, whatever its length says", async () => {
    const { post, parts } = world();
    const exact = `{"a":"${"x".repeat(4_000)}"}`;
    expect((await post(drip([exact]))).status).toBe(202);
    const over = await post(drip(new Array(11).fill(" ".repeat(1_000))));
    expect(over.status).toBe(413);
    expect(over.headers.get("connection")).toBe("close");
    expect(parts.admission.bytesInFlight).toBe(0);
  });

  test("a length over the limit is refused before anything is read", async () => {
    const { post } = world();
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    expect((await post(body, { "content-length": "10001" })).status).toBe(413);
    expect(pulled).toBe(0);
  });

  test("a body that takes too long is 408", async () => {
    const { post, parts } = world();
    expect((await post(drip(new Array(50).fill(" "), 10))).status).toBe(408);
    expect(parts.admission.bytesInFlight).toBe(0);
  });

  test("a body that breaks off is 400", async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    const response = await world().post(body);
    expect(response.status).toBe(400);
    expect((await response.json()).type).toBe("urn:millrace:body_incomplete");
  });

  test("gzip: 20 times its size is fine, also below the floor; a bomb is not", async () => {
    const { post } = world();
    const send = (text: string) => post(gzipSync(text), { "content-encoding": "gzip" });
    expect((await send(`{"a":${" ".repeat(900_000)}1}`)).status).toBe(413); // one large record
    expect((await send(`{}\n${" ".repeat(900_000)}`)).status).toBe(202);
    expect((await send(" ".repeat(1_100_000))).status).toBe(413); // ratio
    const random = Buffer.from(crypto.getRandomValues(new Uint8Array(2_000))).toString("hex");
    expect((await send(JSON.stringify([random]))).status).toBe(400); // read, and no object
  });
});

describe("admission", () => {
  test("bytes are reserved before the body is read, and 503 comes at once beyond", async () => {
    const { post, parts } = world({ admission: new Admission(25_000, () => 0) });
    const slow = [post(drip(["{}"], 20)), post(drip(["{}"], 20))];
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(parts.admission.bytesInFlight).toBe(20_000);
    const refused = await post(drip(["{}"]));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await post("{}", { "content-length": "2" })).status).toBe(202);
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([202, 202]);
    expect(parts.admission.bytesInFlight).toBe(0);
  });

  test("what waits for Kafka counts too", async () => {
    const { post } = world({ admission: new Admission(25_000, () => 20_000) });
    expect((await post(drip(["{}"]))).status).toBe(503);
  });
});

describe("answers", () => {
  const answering = (results: ProduceResult[]) =>
    world({ produce: () => Promise.resolve(results) });

  test("503 with results where Kafka did not acknowledge all", async () => {
    const { post } = answering([
      { state: "acknowledged", partition: 1, offset: 7 },
      { state: "unacknowledged" },
    ]);
    const response = await post('[{"id":"a"},7,{"id":"b"}]');
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({
      type: "urn:millrace:unacknowledged",
      accepted: 1,
      rejected: 1,
      unacknowledged: 1,
      results: [
        { index: 0, id: "a", partition: 1, offset: 7 },
        { index: 1, problem: { type: "urn:millrace:invalid_event" } },
        { index: 2, id: "b", problem: { type: "urn:millrace:unacknowledged" } },
      ],
    });
  });

  test("413 where Kafka found the only event too large", async () => {
    expect((await answering([{ state: "too_large" }]).post("{}")).status).toBe(413);
  });

  test("500 without a reason for the client where we fail", async () => {
    const { post } = world({ produce: () => Promise.reject(new Error("secret")) });
    const response = await post("{}");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
  });

  test("nothing but problems while draining; /readyz says why", async () => {
    const { post, parts } = world({ isDraining: () => true, unreadyReason: () => "draining" });
    const response = await post("{}");
    expect(response.status).toBe(503);
    expect(response.headers.get("connection")).toBe("close");
    const app = edgeApp(parts);
    const readyz = await app.fetch(new Request("http://x/readyz"));
    expect(readyz.status).toBe(503);
    expect(await readyz.json()).toEqual({ status: "unready", reason: "draining" });
    expect((await app.fetch(new Request("http://x/livez"))).status).toBe(200);
  });
});
