/** Devices that report their power. */

import { pick, type Simulated } from "./making.ts";

/** Where doubles are lost on the way: shortest texts, both ends of the range, long fractions. */
const EDGES = [
  0,
  -0.5,
  0.1 + 0.2,
  9.123456789012345,
  -1.5e-7,
  2 ** 53 - 1,
  1e21,
  2.2250738585072014e-308,
  1.7976931348623157e308,
];

const key = (run: string, index: number) => `device-${run}-${index}`;

const telemetry: Simulated = {
  key,
  event: ({ run, index, at, random }) => ({
    deviceId: key(run, index),
    at,
    powerW: random() < 0.02 ? pick(random, EDGES) : Math.round(random() * 50_000) / 10,
    status: pick(random, ["ok", "ok", "ok", "warn", "fault"]),
  }),
  outOfRange: { status: "broken" },
};

export default telemetry;
