import { createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExportFormat, jsonLines, tabbed } from '../../src/domain/ledger/export-format.ts';
import { exportLedger } from '../../src/stores/ledger-export.ts';
import { cutBehindLastEntry } from '../../src/stores/ledger-export-file.ts';
import { verifyLedgerFile } from '../../src/stores/ledger-verify.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
let directory: string;
beforeAll(async () => {
  ledger = await signedLedger();
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-export-'));
  const signer = await ledger.open();
  await ledger.append(1_000);
  await signer.seal();
  await ledger.append(500);
  await signer.seal();
  await ledger.append(3);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await ledger.close();
});

async function write(path: string, format: ExportFormat, resume = false) {
  const after = resume ? await cutBehindLastEntry(path) : undefined;
  const out = createWriteStream(path, { flags: after === undefined ? 'w' : 'a' });
  const exported = await exportLedger(ledger.database.open('audit'), {
    stream: 0,
    format,
    after,
    out,
  });
  out.end();
  await finished(out);
  return exported;
}

describe('lines of JSON', () => {
  it('are objects that hold each entry and, behind the last that it covers, each checkpoint', async () => {
    const path = join(directory, 'export.ndjson');
    await write(path, jsonLines);
    const lines = (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ origin: ledger.origin });
    expect(lines).toHaveLength(1 + 1_503 + 2);
    expect(lines[1]).toMatchObject({ entry_data: { reason: 'test' }, leaf: { seq: '0' } });
    expect(lines[1_001]).toEqual({ checkpoint: expect.stringContaining('\n1000\n') });
    expect(lines[1_502]).toEqual({ checkpoint: expect.stringContaining('\n1500\n') });
  });

  it('verify like the others', async () => {
    const path = join(directory, 'verified.ndjson');
    const { size, lastHash } = await write(path, jsonLines);
    expect(await verifyLedgerFile(path, {})).toMatchObject({ status: 'OK', size, lastHash });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"reason":"test"', '"reason":"tesT"'));
    expect(await verifyLedgerFile(path, {})).toMatchObject({ status: 'DATA_MISMATCH', seq: 0 });
    await writeFile(path, text.replace('{"current_hash"', '{ "current_hash"'));
    expect(await verifyLedgerFile(path, {})).toMatchObject({ status: 'MALFORMED', seq: 0 });
  });
});

describe.each([
  ['fields between TABs', tabbed],
  ['lines of JSON', jsonLines],
] as const)('an export in %s', (name, format) => {
  const path = () => join(directory, name.replaceAll(' ', '-'));

  it('goes on from wherever it was broken off, to the same bytes', async () => {
    await write(path(), format);
    const whole = await readFile(path());
    const half = whole.indexOf('"seq":"999"');
    const lineEnd = whole.indexOf('\n', half) + 1;
    for (const length of [
      0,
      10,
      half,
      lineEnd - 1,
      lineEnd,
      lineEnd + 20,
      whole.length - 1,
      whole.length,
    ]) {
      await writeFile(path(), whole);
      await truncate(path(), length);
      expect(await write(path(), format, true)).toMatchObject({ size: 1_503 });
      expect([length, (await readFile(path())).equals(whole)]).toEqual([length, true]);
    }
  });

  it('does not go on with a file of another ledger', async () => {
    await write(path(), format);
    const text = await readFile(path(), 'utf8');
    const lastHash = text.lastIndexOf('"seq":"1502"');
    const at =
      text.lastIndexOf('\n', lastHash) + 1 + (format === tabbed ? 0 : '{"current_hash":"'.length);
    await writeFile(path(), `${text.slice(0, at)}${'0'.repeat(64)}${text.slice(at + 64)}`);
    await expect(write(path(), format, true)).rejects.toThrow('which');
    await rm(path());
    await appendFile(path(), 'not an export\n');
    expect(await write(path(), format, true)).toMatchObject({ size: 1_503 });
  });
});
