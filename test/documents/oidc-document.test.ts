import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readOidcFile } from '../../src/documents/oidc-document.ts';

/** The example of the documentation. */
const [, VALID = ''] = /```yaml\n(.*?)```/s.exec(readFileSync('docs/sign-in.md', 'utf8')) ?? [];

function faultsOf(text: string): string {
  const reading = readOidcFile('oidc.yaml', text);
  if (!('faults' in reading)) return '';
  return reading.faults.map(({ line, message }) => `${line} ${message}`).join('\n');
}

it('the OIDC file is as the documentation says', () => {
  expect(faultsOf(VALID)).toBe('');
  expect(readOidcFile('oidc.yaml', VALID)).toMatchObject({
    definition: { client_id: 'sentinelops', roles: [{ role: 'Compliance Officer' }, {}] },
  });
});

it.each([
  [VALID.replace('https://login', 'http://login'), 'write an https URL'],
  [VALID.replace('https://sentinelops', 'http://sentinelops'), 'write an https URL'],
  [VALID.replace('env:OIDC_SECRET', 'hunter2'), 'a reference to a secret'],
  [VALID.replace('Compliance Officer', 'King'), 'must be one of Administrator'],
  [VALID.replace('client_id', 'clientid'), 'did you mean "client_id"?'],
  [VALID.replace('# signature: RS256', 'signature: none'), 'must be one of RS256'],
])('says what is wrong with %j', (text, fault) => {
  expect(faultsOf(text)).toContain(fault);
});
