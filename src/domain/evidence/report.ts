/**
 * The report of a bundle: one page of HTML that needs nothing else and prints well. It is made of what was verified and of
 * nothing more, in one way only, so that verifying a bundle includes its report. A change of what it looks like is
 * therefore a new format of bundles.
 */
import { sha256 } from '../digest.ts';
import { isJsonObject } from '../json.ts';
import type { SignedCheckpoint } from '../ledger/checkpoint.ts';
import { COSIGNS } from '../ledger/note.ts';
import { type Aside, approvalsOf, asideText, type Members, type ShownEntry } from './bundle.ts';
import { type Html, htmlText, markup, type Part } from './markup.ts';

export interface ReportParts {
  readonly checkpoint: SignedCheckpoint;
  readonly entries: readonly ShownEntry[];
  /** Undefined for what was erased. */
  readonly contentOf: (sha256: string) => string | undefined;
  readonly aside: Aside;
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; color: #111; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 0 0 .3rem; } h3 { font-size: 1rem; margin: .8rem 0 .2rem; }
  section { border-top: 1px solid #999; padding: 1rem 0; break-inside: avoid; }
  dl { display: grid; grid-template-columns: 13rem 1fr; gap: .1rem 1rem; margin: 0; }
  dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
  pre { background: #f4f4f4; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; }
  code { font-size: 12px; } .note { color: #555; }
  @media print { body { margin: 0; max-width: none; font-size: 11px; } pre { background: none; border: 1px solid #ccc; } }
`;

export function reportOf(parts: ReportParts): string {
  const { entries, checkpoint, aside } = parts;
  const event = entries.find(({ type }) => type === 'EVENT');
  const governing = entries.filter(({ type }) => type === 'POLICY' || type === 'RISK_MODEL');
  const chain = entries.filter((entry) => !governing.includes(entry));
  const page = markup`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Evidence of event ${event?.id ?? ''}</title>
<style>${STYLE}</style>
<body>
<h1>Evidence of event ${event?.id ?? ''}</h1>
${seal(checkpoint)}
${chain.map((entry) => entrySection(entry, parts))}
<section><h2>In force at the time</h2>
<p class="note">The versions of policies and models that were applied, as they were activated.</p></section>
${governing.map((entry) => entrySection(entry, parts))}
${beside(aside)}
</body>
</html>
`;
  return htmlText(page);
}

function seal({ origin, size, root, signatures }: SignedCheckpoint): Html {
  const cosigners = signatures.filter(({ key }) => key.type === COSIGNS);
  return markup`<section><h2>Sealed by</h2>${facts([
    ['Ledger', origin],
    ['Entries under the checkpoint', String(size)],
    ['Root of the tree', code(root.toString('hex'))],
    ...signatures.map(({ key }) => ['Key', code(key.text)] as const),
    ...cosigners.map(
      ({ key, time }) => [`Cosigned by ${key.name}`, instantOf(time ?? 0n)] as const,
    ),
  ])}
<p class="note">Compare the keys with what you got in another way. README says how to check all of this with openssl alone.</p></section>`;
}

function instantOf(seconds: bigint): string {
  const ms = Number(seconds) * 1_000;
  // A signed time may be any number; beyond the calendar it is printed as it is.
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${seconds} s since 1970`;
}

const TITLES: Readonly<Record<string, string>> = {
  EVENT: 'Received',
  RISK_ASSESSMENT: 'Weighed',
  EVALUATION: 'No policy matched',
  ADVISORY: 'Advised',
  DECISION: 'Decided',
  EXECUTION: 'Executed',
  POLICY: 'Policy',
  RISK_MODEL: 'Risk model',
  ERASURE: 'Erased',
};

function entrySection(entry: ShownEntry, parts: ReportParts): Html {
  const { type, seq, timestamp, hash, data, row } = entry;
  return markup`<section><h2>${TITLES[type] ?? type}, ${timestamp}</h2>
<p class="note">Ledger entry ${String(seq)} ${type} <code>${hash}</code></p>
${row === null ? markup`<p>The row is not shown.</p>` : null}
${facts(Object.entries(row ?? data).flatMap(([name, value]) => factOf(name, value)))}
${type === 'DECISION' ? approvals(entry, parts) : null}
${type === 'EXECUTION' ? attempts(entry.id, parts.aside) : null}
${textsOf(entry, parts)}</section>`;
}

/** Salts and digests of texts that follow below say nothing to a reader. */
const UNSAID = new Set(['salt', 'approvals']);

function factOf(name: string, value: unknown): readonly (readonly [string, Part])[] {
  if (value === null || UNSAID.has(name) || name.endsWith('_sha256')) return [];
  const label = name.replaceAll('_', ' ');
  if (typeof value === 'string') return [[label, value]];
  return [[label, code(JSON.stringify(value))]];
}

/** The texts that an entry refers to, in full. */
function textsOf({ data, row }: ShownEntry, { contentOf }: ReportParts): readonly Html[] {
  const members = Object.entries({ ...data, ...row });
  return members.flatMap(([name, value]) => {
    const isNamed = name.endsWith('_sha256') || name === 'view_digest';
    const isShown = isNamed && typeof value === 'string';
    const text = isShown ? contentOf(value) : undefined;
    if (!isShown || text === '') return [];
    const label = name === 'view_digest' ? 'shown to those who decided' : labelOf(name);
    if (text === undefined) return digestOnly(label, value);
    return [markup`<h3>${label}</h3><pre>${pretty(text)}</pre>`];
  });
}

function digestOnly(label: string, sha256Of: string): readonly Html[] {
  return [markup`<p class="note">${label}: SHA-256 <code>${sha256Of}</code></p>`];
}

function labelOf(name: string): string {
  return name.replace(/_sha256$/, '').replaceAll('_', ' ');
}

/** JSON on many lines, every other text as it is. */
function pretty(text: string): string {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

/** Who decided, in which role, and why. */
function approvals({ row }: ShownEntry, { aside, contentOf }: ReportParts): readonly Html[] {
  return approvalsOf(row).map((act) => {
    const why = contentOf(text(act, 'justification_sha256')) ?? 'erased';
    return markup`<h3>${nameOf(aside, text(act, 'person_id'))}: ${text(act, 'act')}</h3>${facts([
      ['as', text(act, 'role')],
      ['at', text(act, 'approved_at')],
      ['option', text(act, 'option_id')],
      ['because', why],
      ['was shown', code(text(act, 'view_digest'))],
    ])}`;
  });
}

function nameOf({ names }: Aside, id: string): string {
  return Object.hasOwn(names, id) ? `${names[id]!} (${id})` : id;
}

function attempts(executionId: string, aside: Aside): readonly Html[] {
  return aside.attempts
    .filter((attempt) => attempt.executionId === executionId)
    .map(
      (attempt) =>
        markup`<h3>Attempt ${attempt.attempt}</h3>${facts(
          Object.entries(attempt).flatMap(([name, value]) =>
            value === null || name === 'executionId' || name === 'attempt'
              ? []
              : [
                  [
                    name.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`),
                    value,
                  ] as const,
                ],
          ),
        )}`,
    );
}

function beside(aside: Aside): Html {
  return markup`<section><h2>Beside the ledger</h2>
<p class="note">Names of people and the calls of targets are not in the ledger: they are as SentinelOps tells them, in aside.json with
SHA-256 <code>${sha256(asideText(aside))}</code>. That nothing else was recorded about the event cannot be shown by any log.</p></section>`;
}

function facts(list: readonly (readonly [string, Part])[]): Html {
  return markup`<dl>${list.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function code(value: string): Html {
  return markup`<code>${value}</code>`;
}

function text(members: Members, name: string): string {
  const value = isJsonObject(members) ? members[name] : undefined;
  return typeof value === 'string' ? value : '';
}
