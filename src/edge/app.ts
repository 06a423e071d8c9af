/** The edge's routes, as a Hono app: what a request becomes, without sockets. */

import { type Context, Hono } from "hono";
import type { ProduceRecord, ProduceResult } from "../kafka/producer.ts";
import type { Stream } from "../stream/define.ts";
import type { Logger } from "../telemetry/log.ts";
import { type Checked, checkEvents } from "./accept.ts";
import type { Admission } from "./admission.ts";
import { type BodyLimits, encodingOf, expectedBytes, readBody } from "./body.ts";
import { cutEvents, formatOf } from "./events.ts";
import { type Problem, problem, problemResponse, Refusal } from "./problem.ts";

export interface EdgeLimits extends BodyLimits {
  recordBytesMax: number;
  recordsMax: number;
  /** Longest wait for Kafka. */
  deadlineMs: number;
}

export interface EdgeParts {
  streams: Stream[];
  limits: EdgeLimits;
  admission: Admission;
  produce(stream: Stream, records: ProduceRecord[]): Promise<ProduceResult[]>;
  /** Why no event can be accepted, or null. */
  unreadyReason(): string | null;
  isDraining(): boolean;
  logger: Logger;
}

/** What the client is told about one event. */
type Result =
  | { index: number; id: string; partition: number; offset: number }
  | { index: number; id?: string; problem: Problem };

export function edgeApp(parts: EdgeParts): Hono {
  const streams = new Map(parts.streams.map((stream) => [stream.name, stream]));
  const app = new Hono();
  app.get("/livez", (context) => context.json({ status: "live" }));
  app.get("/readyz", (context) => {
    const reason = parts.unreadyReason();
    return reason === null
      ? context.json({ status: "ready" })
      : context.json({ status: "unready", reason }, 503);
  });
  app.post("/v1/streams/:stream", async (context) => {
    if (parts.isDraining()) throw new Refusal("draining", undefined, { Connection: "close" });
    const stream = streams.get(context.req.param("stream"));
    if (!stream) throw new Refusal("unknown_stream", undefined, { Connection: "close" });
    return await takeEvents(parts, stream, context.req.raw);
  });
  app.all("/v1/streams/:stream", () => refuseMethod("POST"));
  app.all("/livez", () => refuseMethod("GET, HEAD"));
  app.all("/readyz", () => refuseMethod("GET, HEAD"));
  app.notFound(() => problemResponse(problem("unknown_path")));
  app.onError((error, context) => answerError(error, context, parts.logger));
  return app;
}

function refuseMethod(allow: string): never {
  throw new Refusal("method_not_allowed", `Allowed: ${allow}`, { Allow: allow });
}

function answerError(error: Error, context: Context, logger: Logger): Response {
  if (error instanceof Refusal) return problemResponse(error.problem, error);
  logger.error({ error, path: context.req.routePath }, "A request failed");
  return problemResponse(problem("internal"));
}

async function takeEvents(parts: EdgeParts, stream: Stream, request: Request): Promise<Response> {
  const { limits, admission } = parts;
  const { headers } = request;
  const format = formatOf(headers);
  const encoding = encodingOf(headers);
  const reservation = admission.reserve(expectedBytes(headers, encoding, limits));
  if (!reservation) throw new Refusal("overloaded", undefined, { Connection: "close" });
  let checked: Checked[];
  try {
    const text = await readBody(request, encoding, limits);
    reservation.shrinkTo(text.length);
    const events = cutEvents(text, format, limits.recordsMax);
    checked = checkEvents(stream, events, {
      idempotencyKey: headers.get("idempotency-key"),
      traceparent: headers.get("traceparent"),
    }, limits.recordBytesMax);
  } finally {
    // From here on the producer counts what it was given.
    reservation.release();
  }
  const records = checked.flatMap((one) => "record" in one ? [one.record] : []);
  const produced = records.length === 0 ? [] : await parts.produce(stream, records);
  return answer(joinResults(checked, produced, limits.recordBytesMax));
}

function joinResults(checked: Checked[], produced: ProduceResult[], bytesMax: number): Result[] {
  let next = 0;
  return checked.map((one, index): Result => {
    if ("problem" in one) return { index, ...one };
    const { id } = one;
    const result = produced[next++]!;
    switch (result.state) {
      case "acknowledged":
        return { index, id, partition: result.partition, offset: result.offset };
      case "too_large":
        return {
          index,
          id,
          problem: problem("record_too_large", `Kafka took less than ${bytesMax} bytes`),
        };
      case "unacknowledged":
        return { index, id, problem: problem("unacknowledged", "Send it again with the same id") };
    }
  });
}

/** 503 if Kafka's answer is missing for any, 202 if any was accepted, otherwise why none was. */
function answer(results: Result[]): Response {
  const problems = results.flatMap((result) => "problem" in result ? [result.problem] : []);
  const accepted = results.length - problems.length;
  const unacknowledged = problems.filter(({ status }) => status === 503).length;
  const members = {
    accepted,
    rejected: problems.length - unacknowledged,
    ...(unacknowledged > 0 ? { unacknowledged } : {}),
    results,
  };
  if (unacknowledged > 0) return problemResponse(problem("unacknowledged"), { members });
  if (accepted > 0) {
    return new Response(JSON.stringify(members), {
      status: 202,
      headers: { "Content-Type": "application/json" },
    });
  }
  const { status } = problems[0]!;
  const isSame = problems.every((one) => one.status === status);
  return problemResponse({ ...problem("none_accepted"), ...(isSame ? { status } : {}) }, {
    members,
  });
}
