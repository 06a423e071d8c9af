/**
 * What the edge says when it refuses: RFC 9457 problems with types of our own. Details name
 * limits, places and what was expected; what the client sent is never repeated.
 */

const PROBLEMS = {
  unknown_path: [404, "There is nothing at this path"],
  unknown_stream: [404, "There is no such stream"],
  method_not_allowed: [405, "The method is not allowed here"],
  unsupported_content_type: [415, "The content type is not supported"],
  unsupported_content_encoding: [415, "The content encoding is not supported"],
  body_too_large: [413, "The request body is too large"],
  too_many_events: [413, "The request holds too many events"],
  body_timeout: [408, "The request body did not arrive in time"],
  body_incomplete: [400, "The request body ended early"],
  invalid_gzip: [400, "The request body is not valid gzip"],
  invalid_utf8: [400, "The request body is not valid UTF-8"],
  invalid_json: [400, "The JSON cannot be taken"],
  no_events: [400, "The request holds no events"],
  invalid_request: [400, "The request is not valid HTTP"],
  invalid_idempotency_key: [400, "The Idempotency-Key cannot be used"],
  invalid_event: [400, "The event does not fit its stream"],
  invalid_id: [400, "The event's id cannot be used"],
  invalid_key: [400, "The event's key cannot be used"],
  record_too_large: [413, "The event is too large"],
  none_accepted: [400, "No event was accepted"],
  unacknowledged: [503, "Kafka did not acknowledge in time"],
  overloaded: [503, "The edge holds as much as it may"],
  draining: [503, "The edge is shutting down"],
  internal: [500, "The edge failed"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  /** Where in the event, as names and indexes joined by dots. */
  path?: string;
}

export function problem(code: ProblemCode, detail?: string, path?: string): Problem {
  const [status, title] = PROBLEMS[code];
  return {
    type: `urn:millrace:${code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(path === undefined ? {} : { path }),
  };
}

const RETRY_AFTER_S = "1";

interface ProblemExtras {
  /** Members of the body beside those of RFC 9457. */
  members?: Record<string, unknown>;
  headers?: Record<string, string>;
}

export function problemResponse(
  problem: Problem,
  { members = {}, headers = {} }: ProblemExtras = {},
): Response {
  return new Response(JSON.stringify({ ...problem, ...members }), {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json",
      ...(problem.status === 503 ? { "Retry-After": RETRY_AFTER_S } : {}),
      ...headers,
    },
  });
}

/** Refuses a whole request. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly problem: Problem;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, detail?: string, headers: Record<string, string> = {}) {
    super(code);
    this.problem = problem(code, detail);
    this.headers = headers;
  }
}
