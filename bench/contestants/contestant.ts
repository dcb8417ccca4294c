/**
 * What all contestants have in common. A run is the same for each: events are put where its sources would put them
 * while nobody works on them, then it is let go, and the clock runs until the last visible effect of the last event is
 * there. Sources are therefore no part of any figure, and a backlog is always there to be worked on.
 */

export interface Contestant {
  readonly name: string;
  /** Empty stores, processes that are up and idle. */
  open(): Promise<Chain>;
}

export interface Chain {
  /** Puts events `first` to `first + count - 1` where sources put them. */
  submit(first: number, count: number): Promise<void>;
  /** Lets the workers go; resolves when every effect of what was submitted is there, with the workers held again. */
  finish(): Promise<void>;
  /** The processes that work, without the stores'. */
  readonly processes: readonly WorkerProcess[];
  close(): Promise<void>;
}

export interface WorkerProcess {
  readonly role: string;
  readonly pid: number;
}
