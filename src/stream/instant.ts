/** Moments: an ISO 8601 text with a zone, kept in UTC with microseconds. */

import { z } from "zod";

const PATTERN =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))$/;

/**
 * An ISO 8601 moment as MariaDB's `DATETIME(6)` in UTC. `Z`, `+09:00` and `+0900` are one moment.
 * More than six fraction digits are refused: the column could not keep them.
 */
export function instant(): z.ZodType<string> {
  return z.string().transform((text, context) => {
    const parsed = parseInstant(text);
    if (parsed !== null) return parsed;
    context.addIssue({
      code: "custom",
      message: "Expected a moment like 2026-11-21T03:30:00.123Z, with a zone and at most " +
        "6 fraction digits",
    });
    return z.NEVER;
  });
}

/** `2026-11-21 03:30:00.123456` in UTC, or null where `text` is no moment of the years 1–9999. */
export function parseInstant(text: string): string | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = "", sign, zoneHour, zoneMinute] =
    match;
  if (fraction.length > 6) return null;
  if (Number(zoneHour ?? 0) > 23 || Number(zoneMinute ?? 0) > 59) return null;
  const local = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // The parser of Date rolls 30 February over to March, so it must give back what it was given.
  if (Number.isNaN(local.getTime()) || local.getUTCDate() !== Number(day)) return null;
  if (hour === "24") return null;
  const offsetMinutes = Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0);
  const utc = new Date(local.getTime() - (sign === "-" ? -1 : 1) * offsetMinutes * 60_000);
  const whole = utc.toISOString();
  if (whole.length !== 24 || whole < "0001") return null;
  return `${whole.slice(0, 10)} ${whole.slice(11, 19)}.${fraction.padEnd(6, "0")}`;
}
