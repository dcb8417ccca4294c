/**
 * Who must agree, in the checker's own words (the authority table of the domain page): what a decision asked for is at
 * least what its risk level takes, and those who approved fill it. Nothing of the daemon's own judgement is used.
 */

interface Alternative {
  readonly seats: readonly (readonly string[])[];
  readonly roles: number;
}

export interface Requirement extends Alternative {
  readonly or?: readonly Alternative[];
}

export interface Voice {
  readonly personId: string;
  readonly role: string;
}

const everyone = ['Administrator', 'Senior Authority', 'Compliance Officer', 'Governance Board'];
const fromSenior = everyone.slice(1);
const fromCompliance = everyone.slice(2);
const consensus: Requirement = { seats: [['Governance Board'], everyone, everyone], roles: 2 };

/** A raised seat asks for a higher role, so each seat here admits the higher ones. */
const floors: Readonly<Record<string, Requirement>> = {
  LOW: { seats: [everyone], roles: 1 },
  MEDIUM: { seats: [everyone, fromSenior], roles: 2 },
  HIGH: { seats: [fromCompliance, everyone], roles: 1 },
  CRITICAL: consensus,
  UNKNOWN: consensus,
};

/** A level that nobody knows takes what the highest takes. */
export function floorOf(level: string): Requirement {
  return floors[level] ?? consensus;
}

export function isMet({ or = [], ...first }: Requirement, voices: readonly Voice[]): boolean {
  return [first, ...or].some((alternative) => isFilled(alternative, voices));
}

/** Whether different people sit in all seats, each in a role of the seat, of enough different roles. */
function isFilled({ seats, roles }: Alternative, voices: readonly Voice[]): boolean {
  const fill = (seat: number, seated: readonly Voice[]): boolean => {
    const admitted = seats[seat];
    if (admitted === undefined) return new Set(seated.map(({ role }) => role)).size >= roles;
    return voices.some(
      (voice) =>
        admitted.includes(voice.role) &&
        !seated.some(({ personId }) => personId === voice.personId) &&
        fill(seat + 1, [...seated, voice]),
    );
  };
  return seats.length > 0 && fill(0, []);
}
