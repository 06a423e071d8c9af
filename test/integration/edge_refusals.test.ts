/** What the edge refuses, by `reliability.md` D: a status, no echo, and no trace in Kafka. */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEdge } from "../../src/edge/server.ts";
import type { Stream } from "../../src/stream/mod.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import telemetry from "../../streams/telemetry.ts";
import { anything, LIMITS, post, readAnswer, startEdge, type TestEdge } from "../support/edge.ts";
import { connect, rawRequest } from "../support/raw_http.ts";

const PATH = "/v1/streams/anything";
const SECRET = "s3cret-content";

let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge();
});
afterAll(async () => {
  // Nothing that was refused may have left a trace.
  expect(await edge.count(anything)).toBe(0);
  expect(await edge.count(telemetry as Stream)).toBe(0);
  await edge.stop();
});

async function refused(
  body: BodyInit | null,
  status: number,
  code: string,
  headers: Record<string, string> = {},
) {
  const answer = await post(edge.url, "anything", body, headers);
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const problem = answer.body.results?.[0]?.problem ?? answer.body;
  expect(problem.type).toBe(`urn:millrace:${code}`);
  expect(problem.title).toBeTypeOf("string");
  expect(JSON.stringify(answer.body)).not.toContain(SECRET);
  return answer;
}

describe("bodies", () => {
  test("11: a byte over the limit", async () => {
    await refused("x".repeat(LIMITS.bodyBytesMax + 1), 413, "body_too_large");
  });

  test("12: chunked without end is cut", async () => {
    const connection = await connect(edge.port);
    connection.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n",
    );
    const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`;
    const writing = setInterval(() => connection.write(chunk), 1);
    const { text, closed } = await connection.ended(5_000);
    clearInterval(writing);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(closed).toBe(true);
  });

  test("13: a gzip bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 32));
    expect(bomb.length).toBeLessThan(LIMITS.bodyBytesMax);
    await refused(bomb, 413, "body_too_large", { "content-encoding": "gzip" });
  });

  test("what is not gzip, and gzip that ends early", async () => {
    const headers = { "content-encoding": "gzip" };
    await refused("{}", 400, "invalid_gzip", headers);
    await refused(gzipSync('{"a":1}').subarray(0, 15), 400, "invalid_gzip", headers);
  });

  test("14: other content encodings", async () => {
    for (const coding of ["br", "deflate", "gzip, gzip", "zstd", "x"]) {
      await refused("{}", 415, "unsupported_content_encoding", { "content-encoding": coding });
    }
  });

  test("15: other content types", async () => {
    const types = ["text/html", "application/json; charset=utf-16", "text/plain", "json", "a/b;c"];
    for (const type of types) {
      await refused("{}", 415, "unsupported_content_type", { "content-type": type });
    }
  });

  test("16: a length that is promised and not sent", async () => {
    const startMs = performance.now();
    const { status, closed } = await rawRequest(edge.port, [
      `POST ${PATH} HTTP/1.1`,
      "Host: x",
      "Content-Length: 100",
    ], '{"a":');
    expect(status).toBe(408);
    expect(closed).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(LIMITS.bodyDeadlineMs + 2_000);
  });

  test("a body that drips is cut at its deadline", async () => {
    const connection = await connect(edge.port);
    connection.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const dripping = setInterval(() => connection.write("1\r\n \r\n"), 50);
    const { text, closed } = await connection.ended(5_000);
    clearInterval(dripping);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(closed).toBe(true);
  });

  test("empty ones", async () => {
    for (const body of [null, "", "  \n ", "[]", " [ ] "]) await refused(body, 400, "no_events");
    await refused("\n\n", 400, "no_events", { "content-type": "application/x-ndjson" });
  });
});

describe("HTTP", () => {
  test("17: half a header", async () => {
    const { text, closed } = await (async () => {
      const connection = await connect(edge.port);
      connection.write("GET /livez HTTP/1.1\r\nHos");
      return await connection.ended(8_000);
    })();
    expect(closed).toBe(true);
    expect(text === "" || text.startsWith("HTTP/1.1 408")).toBe(true);
  });

  test("18: Content-Length beside Transfer-Encoding, and two of them", async () => {
    const both = ["Content-Length: 2", "Transfer-Encoding: chunked"];
    for (const lines of [both, ["Content-Length: 2", "Content-Length: 3"]]) {
      const request = [`POST ${PATH} HTTP/1.1`, "Host: x", ...lines];
      const { status } = await rawRequest(edge.port, request, "2\r\n{}\r\n0\r\n\r\n");
      expect(status).toBe(400);
    }
  });

  test("19: too much header", async () => {
    const large = await rawRequest(edge.port, [
      "GET /livez HTTP/1.1",
      "Host: x",
      `X-A: ${"a".repeat(65_536)}`,
    ]);
    expect([400, 431]).toContain(large.status);
    const many = Array.from({ length: 10_000 }, (_, index) => `X-${index}: a`);
    const status =
      (await rawRequest(edge.port, ["GET /livez HTTP/1.1", "Host: x", ...many])).status;
    expect([400, 431]).toContain(status);
  });

  test("20: with 500 silent connections a good client is served", async () => {
    const silent = await Promise.all(Array.from({ length: 500 }, () => connect(edge.port)));
    const response = await fetch(`${edge.url}/livez`);
    expect((await readAnswer(response)).status).toBe(200);
    for (const { socket } of silent) socket.destroy();
  });

  test("38: a false Host or X-Forwarded-For is not reflected", async () => {
    const { text } = await rawRequest(edge.port, [
      "GET /nowhere HTTP/1.1",
      "Host: evil.example",
      "X-Forwarded-For: 1.2.3.4",
      "Connection: close",
    ]);
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(text).not.toMatch(/evil|1\.2\.3\.4/);
  });

  test("31, 42: names and paths that are no stream", async () => {
    const names = [
      "nope",
      "..%2f..%2fx",
      "a;drop",
      "__consumer_offsets",
      "x".repeat(300),
      "anything%00",
      "Anything",
      "anything;x",
      "__proto__",
      "constructor",
      "%e0%a4%a",
    ];
    for (const name of names) {
      const { status, text } = await rawRequest(edge.port, [
        `POST /v1/streams/${name} HTTP/1.1`,
        "Host: x",
        "Content-Length: 2",
        "Connection: close",
      ], "{}");
      expect([400, 404], name).toContain(status);
      expect(text).toContain("application/problem+json");
    }
    const paths = [
      "/",
      "//livez",
      "/LIVEZ",
      "/v1/streams",
      "/v1/streams/anything/",
      "/%2e%2e/livez",
    ];
    for (const path of [...paths, "/livez;x", "/v1/streams/anything/../../x", "/admin"]) {
      const lines = [`GET ${path} HTTP/1.1`, "Host: x", "Connection: close"];
      expect((await rawRequest(edge.port, lines)).status, path).toBe(404);
    }
  });

  test("43: other methods", async () => {
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      const { status, text } = await rawRequest(edge.port, [
        `${method} ${PATH} HTTP/1.1`,
        "Host: x",
        "Connection: close",
      ]);
      expect(status, method).toBe(405);
      expect(text).toMatch(/^allow: POST\r$/im);
    }
    const { text } = await rawRequest(edge.port, ["CONNECT x:1 HTTP/1.1", "Host: x"]);
    expect(text === "" || /^HTTP\/1\.1 4/.test(text)).toBe(true);
    const livez = await fetch(`${edge.url}/livez`, { method: "POST" });
    expect((await readAnswer(livez)).status).toBe(405);
  });
});

describe("JSON", () => {
  test("21: what is not JSON, with its place and without its content", async () => {
    const { body } = await refused(`{"a": ${SECRET}}`, 400, "invalid_json");
    expect(body.detail).toContain("position 6");
    const array = await refused(`[{"a":1}, {"b": ${SECRET}}]`, 400, "invalid_json");
    expect(array.body.detail).toContain("position 16");
    const broken = ["{", "[1,]", "[,1]", "[1 2]", "{]", "[}", '{"a":1}{"b":2}', "nul", "[{}] x"];
    for (const text of [...broken, '["a', "[[1]", '{"a":01}', "{'a':1}", '"\n"', "\u00a0{}"]) {
      await refused(text, 400, "invalid_json");
    }
  });

  test("22: depth", async () => {
    await refused("[".repeat(90_000), 400, "invalid_json");
    await refused(`{"a":${"[".repeat(32)}${"]".repeat(32)}}`, 400, "invalid_json");
    await refused(`[{"a":${"[".repeat(32)}${"]".repeat(32)}}]`, 400, "invalid_json");
  });

  test("23: members that reach into objects", async () => {
    const bodies = [
      '{"__proto__":{"admin":true}}',
      '{"a":{"constructor":{"prototype":{"admin":true}}}}',
      '{"\\u005f_proto__":1}',
      '[{"x":[{"prototype":1}]}]',
    ];
    for (const body of bodies) await refused(body, 400, "invalid_json");
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test("25, 26: numbers that would change", async () => {
    const literals = ["9007199254740993", "-9007199254740992", "1e400", "-0", "NaN", "Infinity"];
    for (const literal of [...literals, "1e-400", "0x10", "1.", ".5", "+1"]) {
      await refused(`{"n":${literal}}`, 400, "invalid_json");
    }
  });

  test("27: lone surrogates and broken UTF-8", async () => {
    await refused('{"a":"\\ud800"}', 400, "invalid_json");
    await refused('{"\\udfff":1}', 400, "invalid_json");
    for (const bytes of [[0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xff], [0xe2, 0x82]]) {
      const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
      await refused(body, 400, "invalid_utf8");
    }
  });

  test("28: NUL and other control characters in id and key", async () => {
    for (const id of ["a\\u0000b", "a\\r\\nb", "\\u007f", "\\u0085", ""]) {
      await refused(`{"id":"${id}"}`, 400, "invalid_id");
    }
    await refused(`{"id":"${"x".repeat(65)}"}`, 400, "invalid_id");
    await refused('{"key":"a\\u0000b"}', 400, "invalid_key");
    await refused(`{"key":"${"é".repeat(257)}"}`, 400, "invalid_key");
  });

  test("30: too many events", async () => {
    const limit = LIMITS.recordsMax;
    await refused(`[${"1,".repeat(49_000)}1]`, 413, "too_many_events");
    await refused(JSON.stringify(new Array(limit + 1).fill({})), 413, "too_many_events");
    const lines = "{}\n".repeat(limit + 1);
    await refused(lines, 413, "too_many_events", { "content-type": "application/x-ndjson" });
  });

  test("a single event that is too large", async () => {
    const large = JSON.stringify({ a: "x".repeat(LIMITS.recordBytesMax) });
    await refused(large, 413, "record_too_large");
  });

  test("an event that does not fit its stream; names of its own are not repeated", async () => {
    const answer = await post(edge.url, "telemetry", `{"${SECRET}":1}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      type: "urn:millrace:none_accepted",
      accepted: 0,
      rejected: 1,
    });
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
    for (const body of ["7", '"a"', "null", "true"]) await refused(body, 400, "invalid_event");
  });
});

describe("headers", () => {
  test("37: Idempotency-Keys that cannot be ids", async () => {
    for (const key of ["x".repeat(10_000), "x".repeat(65), "a b", "é", ""]) {
      await refused("{}", 400, "invalid_idempotency_key", { "idempotency-key": key });
    }
    await refused("[{}]", 400, "invalid_idempotency_key", { "idempotency-key": "x".repeat(63) });
  });
});

test("an address that others can reach is refused at the start", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.com", "127.evil.example", ""]) {
    const open = createEdge({
      config: {
        kafkaBrokers: ["127.0.0.1:9"],
        prefix: "",
        edge: { ...LIMITS, host },
        drainDeadlineMs: 100,
      },
      streams: [anything],
      logger: createLogger("test"),
    });
    await expect(open.start()).rejects.toThrow("MILLRACE_EDGE_HOST");
    await open.stop();
  }
});
