/** The edge on a real Kafka: every form of request, and what is stored of it. */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import type { Stream } from "../../src/stream/mod.ts";
import telemetryStream from "../../streams/telemetry.ts";
import { anything, numbered, post, startEdge, type TestEdge } from "../support/edge.ts";
import { readAll } from "../support/kafka.ts";

const telemetry = telemetryStream as Stream;
const NDJSON = { "content-type": "application/x-ndjson" };
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.stop());

const report = (device: string, more = {}) => ({
  deviceId: device,
  at: "2026-11-21T03:30:00.123Z",
  powerW: 12.5,
  status: "ok",
  ...more,
});

/** What the topic holds where an answer says that it lies. */
async function stored(stream: Stream, id: string) {
  const records = await readAll(edge.topic(stream));
  return records.filter(({ headers }) => headers.id === id);
}

describe("forms", () => {
  test("an object: 202 with partition and offset; the value is the text as it came", async () => {
    const text = ' {"deviceId" : "dev-é", "at":"2026-11-21T12:30:00+0900",\n "powerW":1e1, ' +
      '"status":"ok","extra":[1, 2]}\n';
    const { status, headers, body } = await post(edge.url, "telemetry", text);
    expect(status).toBe(202);
    expect(headers.get("content-type")).toBe("application/json");
    expect(body).toMatchObject({ accepted: 1, rejected: 0 });
    const result = body.results[0]!;
    expect(result).toMatchObject({ index: 0, offset: 0 });
    expect(result.id).toMatch(UUID_V7);
    expect(result.partition).toBe(partitionOf(Buffer.from("dev-é"), 12));
    const [record] = await stored(telemetry, result.id);
    expect(record).toMatchObject({ partition: result.partition, headers: { id: result.id } });
    expect(String(record!.value)).toBe(text.trim());
    expect(String(record!.key)).toBe("dev-é");
  });

  test("an array: a result by index, good ones in, bad ones with their problem", async () => {
    const events = [report("a"), report("a", { powerW: "much" }), 7, report("a", { status: "?" })];
    const { status, body } = await post(edge.url, "telemetry", JSON.stringify(events));
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 1, rejected: 3 });
    expect(body.results.map((one: { index: number }) => one.index)).toEqual([0, 1, 2, 3]);
    expect(body.results[1]!.problem).toMatchObject({
      type: "urn:millrace:invalid_event",
      status: 400,
      path: "powerW",
    });
    expect(body.results[3]!.problem.path).toBe("status");
    expect(JSON.stringify(body)).not.toContain("much");
  });

  test("NDJSON: blank lines and CRLF are fine, a broken line hurts only itself", async () => {
    const text = '\uFEFF{"n":1}\r\n\r\n  {"n":2}  \n{"n":\n{"n":4}';
    const { status, body } = await post(edge.url, "anything", text, NDJSON);
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 3, rejected: 1 });
    expect(body.results[2]!.problem.type).toBe("urn:millrace:invalid_json");
    const [record] = await stored(anything, body.results[1]!.id);
    expect(String(record!.value)).toBe('{"n":2}');
  });

  test("gzip, with Content-Length and chunked", async () => {
    const headers = { "content-encoding": "gzip" };
    const packed = gzipSync(JSON.stringify([{ n: 1 }, { n: 2 }]));
    expect((await post(edge.url, "anything", packed, headers)).body.accepted).toBe(2);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < packed.length; i += 7) controller.enqueue(packed.subarray(i, i + 7));
        controller.close();
      },
    });
    expect((await post(edge.url, "anything", stream, headers)).body.accepted).toBe(2);
  });

  test("no Content-Type means JSON; a charset of UTF-8 is fine", async () => {
    for (
      const type of ["", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
    ) {
      const { status } = await post(edge.url, "anything", "{}", { "content-type": type });
      expect(status, type).toBe(202);
    }
  });

  test("HEAD and GET of /livez and /readyz", async () => {
    for (const method of ["GET", "HEAD"]) {
      for (const path of ["/livez", "/readyz"]) {
        const response = await fetch(edge.url + path, { method });
        await response.body?.cancel();
        expect(response.status).toBe(200);
      }
    }
  });
});

describe("identity", () => {
  test("an event's own id, literally", async () => {
    const ids = ["abc", "ABC", "abc ", "' OR 1=1 --", "日本", "<script>", "x".repeat(64)];
    const events = ids.map((id) => ({ id }));
    const { body } = await post(edge.url, "anything", JSON.stringify(events));
    expect(body.results.map((one: { id: string }) => one.id)).toEqual(ids);
    for (const id of ids) expect(await stored(anything, id)).toHaveLength(1);
  });

  test("Idempotency-Key: itself for one object, with the index for many", async () => {
    const headers = { "idempotency-key": "order-17" };
    const one = await post(edge.url, "anything", "{}", headers);
    expect(one.body.results[0]!.id).toBe("order-17");
    const array = await post(edge.url, "anything", '[{},{"id":"own"},{}]', headers);
    expect(array.body.results.map((result: { id: string }) => result.id))
      .toEqual(["order-17-0", "own", "order-17-2"]);
    const again = await post(edge.url, "anything", '[{},{"id":"own"},{}]', headers);
    expect(again.body.results.map((result: { id: string }) => result.id))
      .toEqual(["order-17-0", "own", "order-17-2"]);
    const lines = await post(edge.url, "anything", "{}\n", { ...headers, ...NDJSON });
    expect(lines.body.results[0]!.id).toBe("order-17-0");
  });

  test("an id that is no text is refused, unless the stream declares it so", async () => {
    for (const id of ["7", "null", '{"id":1}', '["a"]', "true"]) {
      const { status, body } = await post(edge.url, "anything", `{"id":${id}}`);
      expect(status, id).toBe(400);
      expect(body.results[0]!.problem.type).toBe("urn:millrace:invalid_id");
    }
    const { status, body } = await post(edge.url, "numbered", '{"id":7}');
    expect(status).toBe(202);
    expect(body.results[0]!.id).toMatch(UUID_V7);
    expect(await edge.count(numbered)).toBe(1);
  });

  test("the key is the stream's, otherwise the id; its partition follows", async () => {
    const { body } = await post(edge.url, "anything", '[{"key":"k1","id":"i1"},{"id":"i2"}]');
    expect(body.results[0]!.partition).toBe(partitionOf(Buffer.from("k1"), 3));
    expect(body.results[1]!.partition).toBe(partitionOf(Buffer.from("i2"), 3));
    expect(String((await stored(anything, "i1"))[0]!.key)).toBe("k1");
    expect(String((await stored(anything, "i2"))[0]!.key)).toBe("i2");
  });

  test("a valid traceparent travels, an invalid one does not", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await post(edge.url, "anything", '{"id":"traced"}', { traceparent });
    await post(edge.url, "anything", '{"id":"untraced"}', { traceparent: `${traceparent}x` });
    expect((await stored(anything, "traced"))[0]!.headers).toEqual({ id: "traced", traceparent });
    expect((await stored(anything, "untraced"))[0]!.headers).toEqual({ id: "untraced" });
  });

  test("what looks like a position in an event is only content", async () => {
    const text = '{"id":"mass","partition":2,"offset":99,"_tenant":"x","key":"k1"}';
    const { body } = await post(edge.url, "anything", text);
    expect(body.results[0]!.partition).toBe(partitionOf(Buffer.from("k1"), 3));
  });
});

describe("order", () => {
  test("of one key is the order in a request, and of requests after one another", async () => {
    for (let round = 0; round < 20; round++) {
      const lines = Array.from(
        { length: 50 },
        (_, index) => JSON.stringify({ key: "ordered", seq: round * 50 + index }),
      );
      const { body } = await post(edge.url, "anything", lines.join("\n"), NDJSON);
      expect(body.accepted).toBe(50);
    }
    const sequence = (await readAll(edge.topic(anything)))
      .filter(({ key }) => String(key) === "ordered")
      .map(({ value }) => JSON.parse(String(value)).seq);
    expect(sequence).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  });

  test("many at once: each is stored once, where its answer says", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, worker) => {
      const events = Array.from({ length: 20 }, (_, index) => ({ id: `many-${worker}-${index}` }));
      return post(edge.url, "anything", JSON.stringify(events));
    }));
    const results = answers.flatMap(({ body }) => body.results);
    expect(results).toHaveLength(2_000);
    const records = await readAll(edge.topic(anything));
    const offsets = new Map<number, number>();
    const found = new Map<string, string>();
    for (const { partition, headers } of records) {
      const offset = offsets.get(partition) ?? 0;
      offsets.set(partition, offset + 1);
      if (!headers.id!.startsWith("many-")) continue;
      expect(found.has(headers.id!)).toBe(false);
      found.set(headers.id!, `${partition}:${offset}`);
    }
    for (const { id, partition, offset } of results) {
      expect(found.get(id)).toBe(`${partition}:${offset}`);
    }
  });
});
