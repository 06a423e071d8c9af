/** Lines of Apache's combined log format as events of `access_log`. */

/** The last field may lack its closing quote: one line of the real data does. */
const LINE =
  /^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) (\S+)(?: [^"]*)?" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"?$/;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export interface AccessEvent {
  at: string;
  ip: string;
  method: string;
  path: string;
  status: number;
  bytes: number | null;
  userId: string | null;
  userAgent: string | null;
  referrer: string | null;
}

export function parseCombined(line: string): AccessEvent {
  const match = LINE.exec(line);
  if (!match) throw new SyntaxError(`Not a line of the combined format: ${line}`);
  const [, ip, user, when, method, path, status, bytes, referrer, userAgent] = match;
  const given = (text: string | undefined) => text === "-" || text === undefined ? null : text;
  return {
    at: isoOf(when!),
    ip: ip!,
    method: method!,
    path: path!,
    status: Number(status),
    bytes: bytes === "-" ? null : Number(bytes),
    userId: given(user),
    userAgent: given(userAgent),
    referrer: given(referrer),
  };
}

/** `17/May/2015:10:05:03 +0000` as ISO 8601. */
function isoOf(text: string): string {
  const [, day, month, year, time, zone] = /^(\d\d)\/(\w{3})\/(\d{4}):(\S+) (\S+)$/.exec(text)!;
  const number = String(MONTHS.indexOf(month!) + 1).padStart(2, "0");
  return `${year}-${number}-${day}T${time}${zone}`;
}
