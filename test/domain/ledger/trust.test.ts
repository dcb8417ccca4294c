import { describe, expect, it } from 'vitest';
import { checkpointText, signCheckpoint } from '../../../src/domain/ledger/checkpoint.ts';
import { COSIGNS, createSignerKey, signatureLine } from '../../../src/domain/ledger/note.ts';
import {
  isPolicyFault,
  parseTrustPolicy,
  trustedCheckpoint,
  type TrustPolicy,
} from '../../../src/domain/ledger/trust.ts';
import { CHECKPOINT_1000, LOG_VKEY, logKey, WITNESS_VKEY } from './keys.ts';

const witnesses = Array.from(
  { length: 6 },
  (_, n) => createSignerKey(`w${n}.example`, COSIGNS).key,
);
const lines = witnesses.map((key, n) => `witness w${n} ${key.verifier.text}`);

function policyOf(...text: readonly string[]): TrustPolicy {
  const policy = parseTrustPolicy(text.join('\n'));
  if (isPolicyFault(policy)) throw new Error(`${policy.line}: ${policy.detail}`);
  return policy;
}

const checkpoint = { origin: logKey.verifier.name, size: 3n, root: Buffer.alloc(32) };
function cosignedBy(...numbers: readonly number[]): Buffer {
  const text = checkpointText(checkpoint);
  const cosignatures = numbers.map((n) => signatureLine(text, witnesses[n]!, 1n));
  return Buffer.from(signCheckpoint(checkpoint, logKey) + cosignatures.join(''));
}
const statusOf = (note: Buffer, policy: TrustPolicy) => {
  const trusted = trustedCheckpoint(note, policy);
  return 'status' in trusted ? trusted.status : 'OK';
};

describe('a policy', () => {
  it('says who must have cosigned, in groups of groups', () => {
    const policy = policyOf(
      '# who must agree',
      `log ${LOG_VKEY} https://log.example/`,
      ...lines.slice(0, 5),
      `${lines[5]}\thttps://w5.example/prefix`,
      'group X 2 w0 w1 w2',
      ' group  Y any w3 w4 w5 ',
      'group both all X Y',
      '',
      'quorum both',
      '',
    );
    expect(policy.witnesses[5]).toMatchObject({ name: 'w5', url: 'https://w5.example/prefix' });
    expect(statusOf(cosignedBy(0, 2, 5), policy)).toBe('OK');
    for (const few of [[], [0, 1], [3, 4, 5], [0, 3], [0, 0, 3]]) {
      expect([few, statusOf(cosignedBy(...few), policy)]).toEqual([few, 'QUORUM']);
    }
  });

  it('may need one witness, or none', () => {
    const one = policyOf(`log ${LOG_VKEY}`, `witness w ${WITNESS_VKEY}`, 'quorum w');
    expect(statusOf(Buffer.from(CHECKPOINT_1000), one)).toBe('OK');
    expect(statusOf(cosignedBy(), one)).toBe('QUORUM');
    expect(statusOf(cosignedBy(), policyOf(`log ${LOG_VKEY}`, 'quorum none'))).toBe('OK');
  });

  it('trusts no other log', () => {
    expect(statusOf(cosignedBy(0), policyOf(lines[0]!, 'quorum w0'))).toBe('SIG_INVALID');
    const forged = Buffer.from(cosignedBy(0).toString().replace('\n3\n', '\n4\n'));
    expect(statusOf(forged, policyOf(`log ${LOG_VKEY}`, 'quorum none'))).toBe('SIG_INVALID');
  });

  it.each([
    [2, 'no quorum line', [`log ${LOG_VKEY}`, '']],
    [2, 'two quorum lines', ['quorum none', 'quorum none']],
    [1, 'a quorum of strangers', ['quorum w0']],
    [1, 'an unknown word', ['logs x']],
    [1, 'a member of every object', ['constructor x']],
    [1, 'a log with the key of a witness', [`log ${WITNESS_VKEY}`]],
    [1, 'a witness with the key of a log', [`witness w ${LOG_VKEY}`]],
    [1, 'a key that is none', ['log abc']],
    [1, 'a line that is too long', [`log ${LOG_VKEY} url more`]],
    [2, 'a key twice', [`log ${LOG_VKEY}`, `log ${LOG_VKEY}`]],
    [2, 'a name twice', [lines[0]!, lines[1]!.replace('w1', 'w0')]],
    [1, 'a witness called none', [lines[0]!.replace('w0', 'none')]],
    [2, 'a group of one that needs two', [lines[0]!, 'group g 2 w0']],
    [2, 'a group that needs nobody', [lines[0]!, 'group g 0 w0']],
    [2, 'an empty group', [lines[0]!, 'group g 1']],
    [2, 'a member that comes later', [lines[0]!, 'group g 1 h']],
    [3, 'a member of two groups', [lines[0]!, 'group g 1 w0', 'group h 1 w0']],
    [1, 'a control character', ['quorum none\r']],
  ])('is refused on line %i for %s', (line, _what, text) => {
    expect(parseTrustPolicy(text.join('\n'))).toMatchObject({ line });
  });
});
