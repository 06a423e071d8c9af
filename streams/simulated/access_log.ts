/** Requests of users, some of them without a name. */

import { pick, type Random, type Simulated } from "./making.ts";

const PATHS = [
  "/",
  "/v1/orders/48151",
  "/search?q=%E6%B0%B4&page=2",
  "/plain 'quoted' \"twice\" and \\ backslash",
  "/水車/🌊/e\u0301",
  "/tab\tline\nzero\u0000wait\u001a",
];
const AGENTS = ["curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "", null];
const STATUSES = [200, 200, 200, 204, 301, 304, 404, 500, 999];
const SIZES = [0, 1, 532, 1_048_576, 2 ** 32, 2 ** 53 - 1, null];

/** Every third key is an address without a user. */
const isAnonymous = (index: number) => index % 3 === 2;

const key = (run: string, index: number) =>
  isAnonymous(index) ? `2001:db8::${run}:${index}` : `user-${run}-${index}`;

const access_log: Simulated = {
  key,
  event: ({ run, index, at, random }) => ({
    at,
    ip: isAnonymous(index) ? key(run, index) : address(random),
    method: pick(random, ["GET", "GET", "GET", "POST", "HEAD"]),
    path: pick(random, PATHS),
    status: pick(random, STATUSES),
    bytes: pick(random, SIZES),
    durationMs: Math.round(random() * 1e6) / 1e3,
    ...(isAnonymous(index) ? {} : { userId: key(run, index) }),
    userAgent: pick(random, AGENTS),
  }),
  outOfRange: { status: 9_999 },
};

function address(random: Random): string {
  return Array.from({ length: 4 }, () => Math.floor(random() * 256)).join(".");
}

export default access_log;
