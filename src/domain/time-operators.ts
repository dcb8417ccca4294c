/** Operators on instants: before and after, and the hours of a week in a time zone of the IANA database. */
import { isJsonObject, type JsonValue } from './json.ts';
import { isString, kindOf, type Operator } from './operator.ts';
import { epochMsOf, parseTimestamp, type Timestamp } from './time.ts';

const noInstant = (actual: JsonValue): string | undefined => {
  if (!isString(actual)) return `is ${kindOf(actual)}, not a string`;
  return parseTimestamp(actual) === undefined
    ? 'is no instant: RFC 3339 with a zone, in the years 1970 to 2199'
    : undefined;
};

/** In one form and one zone, so that the order of the texts is the order of the instants, down to the microsecond. */
const instant = (holds: (actual: Timestamp, expected: Timestamp) => boolean): Operator => ({
  expects: 'an instant with a zone, such as 2026-03-01T00:00:00+01:00',
  accepts: (expected) => isString(expected) && parseTimestamp(expected) !== undefined,
  mismatch: noInstant,
  holds: (actual, expected) =>
    holds(parseTimestamp(actual as string)!, parseTimestamp(expected as string)!),
});

/** From `from` to just before `to`; past midnight when `to` is not later. `days` are those on which it begins. */
interface Hours {
  readonly from: string;
  readonly to: string;
  readonly zone: string;
  readonly days?: readonly string[];
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

function isHours(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { from, to, zone, days, ...others } = value;
  const isTime = (time: unknown) => isString(time) && TIME_OF_DAY.test(time);
  return (
    Object.keys(others).length === 0 &&
    isTime(from) &&
    isTime(to) &&
    isString(zone) &&
    isZone(zone) &&
    (days === undefined || isListOfDays(days))
  );
}

const isListOfDays = (days: JsonValue): boolean =>
  Array.isArray(days) &&
  days.length > 0 &&
  new Set<unknown>(days).size === days.length &&
  days.every((day) => isString(day) && DAYS.includes(day));

function isZone(zone: string): boolean {
  try {
    // Offsets are no zones: they do not know of summer time, which is why somebody names a zone.
    return /^[A-Za-z]/.test(zone) && calendarOf(zone) !== undefined;
  } catch {
    return false;
  }
}

/** Making one takes some 30 µs, and there are as many zones as there are offices. */
const calendars = new Map<string, Intl.DateTimeFormat>();
const CALENDARS_MAX = 600;

function calendarOf(zone: string): Intl.DateTimeFormat {
  const known = calendars.get(zone);
  if (known !== undefined) return known;
  const calendar = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  if (calendars.size >= CALENDARS_MAX) calendars.clear();
  calendars.set(zone, calendar);
  return calendar;
}

function isWithin(actual: string, { from, to, zone, days = DAYS }: Hours): boolean {
  const at = new Date(epochMsOf(parseTimestamp(actual)!));
  const parts = calendarOf(zone).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)!.value;
  const time = `${part('hour')}:${part('minute')}`;
  const today = DAYS.indexOf(part('weekday'));
  const beginsOn = (day: number) => days.includes(DAYS.at(day)!);
  if (from < to) return from <= time && time < to && beginsOn(today);
  return (from <= time && beginsOn(today)) || (time < to && beginsOn(today - 1));
}

const hours = (holdsWithin: boolean): Operator => ({
  expects:
    'hours such as { from: "18:00", to: "07:00", zone: Europe/Vienna, days: [Mon, Tue] }, with a zone of the IANA database; without days it is every day',
  accepts: isHours,
  mismatch: noInstant,
  holds: (actual, expected) =>
    isWithin(actual as string, expected as unknown as Hours) === holdsWithin,
});

export const timeOperators = {
  before: instant((actual, expected) => actual < expected),
  after: instant((actual, expected) => actual > expected),
  duringHours: hours(true),
  outsideHours: hours(false),
} as const satisfies Record<string, Operator>;
