/**
 * Puts the reports of segments together, in order, into one verdict. The first bad entry decides; of one entry the
 * checks decide in the order of their codes. Pins are looked at when every entry has passed.
 */
import { type Failure, placeFault } from './line.ts';
import type { Repeat } from './repeats.ts';
import type { SealedTimes, SegmentReport } from './segment.ts';
import {
  type FailureStatus,
  type Pin,
  statusCodes,
  type Verdict,
  type Warning,
} from './verdict.ts';

export interface Verification {
  /** Takes the next segment. False when the verdict is decided: nothing after it can change it. */
  add(report: SegmentReport): boolean;
  /** Entries that passed so far. */
  readonly size: number;
  /** `repeat`, if one was found, counts when it comes before the failure that the segments showed. */
  verdict(repeat?: Repeat): Verdict;
}

export function createVerification(origin: string, pins: readonly Pin[]): Verification {
  const pinned = new Map<number, string>();
  const order = createSealedOrder();
  let size = 0;
  let firstHash: string | null = null;
  let lastHash = '0'.repeat(64);
  let failure: Failure | undefined;

  return {
    get size() {
      return size;
    },
    add(report) {
      failure = report.opening && placeFault(report.opening, size, lastHash);
      if (failure !== undefined) return false;
      for (const { seq, hash } of report.pinned) pinned.set(seq, hash);
      order.add(report.sealed, size);
      firstHash ??= report.firstHash ?? null;
      lastHash = report.lastHash ?? lastHash;
      size += report.passed;
      failure = report.failure;
      return failure === undefined;
    },
    verdict(repeat) {
      const passed = { origin, size, firstHash, lastHash: size === 0 ? null : lastHash };
      if (repeat !== undefined) return duplicate(repeat, { ...passed, warnings: order.warnings() });
      const found =
        failure === undefined ? pinFault(pins, size, pinned) : { ...failure, seq: size };
      return { ...stated(found), ...passed, warnings: order.warnings() };
    },
  };
}

type Passed = Pick<Verdict, 'origin' | 'size' | 'firstHash' | 'lastHash' | 'warnings'>;

function duplicate({ seq, previousHash, what }: Repeat, passed: Passed): Verdict {
  const detail = `${what} has an entry before this one.`;
  const status = { status: 'DUPLICATE', code: statusCodes.DUPLICATE } as const;
  // The segments behind it were read too, but what counts is what passed in front of it.
  const warnings = passed.warnings.filter((warning) => warning.firstSeq < seq);
  return { ...status, seq, detail, ...passed, size: seq, lastHash: previousHash, warnings };
}

function stated(
  found: (Failure & { readonly seq: number | null }) | undefined,
): Pick<Verdict, 'status' | 'code' | 'seq' | 'detail'> {
  if (found === undefined) return { status: 'OK', code: statusCodes.OK, seq: null, detail: null };
  const { status, seq, detail } = found;
  return { status, code: statusCodes[status], seq, detail };
}

/** A verdict without a single entry: nothing could be read, or the header was wrong. */
export function verdictOnHeader(
  status: FailureStatus,
  detail: string,
  origin: string | null,
): Verdict {
  const none = { origin, size: 0, firstHash: null, lastHash: null, warnings: [] };
  return { ...stated({ status, detail, seq: null }), ...none };
}

/** All lengths before all hashes: that entries are missing says more than that one differs. */
function pinFault(
  pins: readonly Pin[],
  size: number,
  pinned: ReadonlyMap<number, string>,
): (Failure & { readonly seq: number }) | undefined {
  const longer = pins.find((pin) => pin.size > size);
  if (longer !== undefined) {
    const detail = `There are ${size} entries; a pin knows ${longer.size}.`;
    return { status: 'TRUNCATED', seq: size, detail };
  }
  const bySize = pins.toSorted((a, b) => a.size - b.size);
  const other = bySize.find((pin) => pinned.get(pin.size - 1) !== pin.hash);
  if (other === undefined) return undefined;
  const detail = `The hash after ${other.size} entries is not the one that a pin knows.`;
  return { status: 'HEAD_MISMATCH', seq: other.size - 1, detail };
}

/** Follows sealed_at over all segments. */
function createSealedOrder() {
  let last: string | undefined;
  let count = 0;
  let firstSeq = 0;
  const note = (times: number, seq: number) => {
    if (count === 0 && times > 0) firstSeq = seq;
    count += times;
  };
  return {
    add(sealed: SealedTimes | undefined, startSeq: number): void {
      if (sealed === undefined) return;
      if (last !== undefined && sealed.first < last) note(1, startSeq);
      note(sealed.backwards, startSeq + sealed.firstBackwards);
      last = sealed.last;
    },
    warnings(): readonly Warning[] {
      return count === 0 ? [] : [{ warning: 'sealed_at_runs_backwards', count, firstSeq }];
    },
  };
}
