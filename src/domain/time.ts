/**
 * Instants as text with microseconds. PostgreSQL keeps microseconds, a JavaScript Date only milliseconds, and every
 * instant here may end up under a hash: so none of them ever passes through a Date once it has been written.
 */

declare const timestamp: unique symbol;

/** `YYYY-MM-DDThh:mm:ss.uuuuuuZ`, UTC, years 1970 to 2199. */
export type Timestamp = string & { readonly [timestamp]: true };

export interface Clock {
  now(): Timestamp;
}

export const systemClock: Clock = { now: () => timestampOfMs(Date.now()) };

export function timestampOfMs(epochMs: number): Timestamp {
  return new Date(epochMs).toISOString().replace('Z', '000Z') as Timestamp;
}

/** Milliseconds since 1970; drops the microseconds, so use it for durations and never for what is hashed. */
export function epochMsOf(instant: Timestamp): number {
  return Date.parse(instant);
}

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/**
 * Reads an RFC 3339 date-time with a zone into UTC; digits past the microsecond are cut off.
 * Undefined for anything else: no zone, an impossible date, a leap second, a year outside 1970 to 2199.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', , sign, zoneHour, zoneMinute] =
    match;
  const asUtc = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  // Date.UTC rolls 31 February over to March and second 60 to the next minute; printing it again shows that.
  if (!Number.isFinite(asUtc) || new Date(asUtc).toISOString() !== written) return undefined;
  if (sign !== undefined && (+zoneHour! > 23 || +zoneMinute! > 59)) return undefined;
  const offsetMs = sign === undefined ? 0 : (+zoneHour! * 60 + +zoneMinute!) * 60_000;
  const utc = new Date(sign === '-' ? asUtc + offsetMs : asUtc - offsetMs);
  if (utc.getUTCFullYear() < 1970 || utc.getUTCFullYear() > 2199) return undefined;
  const microseconds = fraction.slice(0, 6).padEnd(6, '0');
  return `${utc.toISOString().slice(0, 19)}.${microseconds}Z` as Timestamp;
}
