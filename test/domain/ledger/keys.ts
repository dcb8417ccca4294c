/** The published keys of the vector chain, and the notes that they signed. */
import { hash } from 'node:crypto';
import { parseSignerKey, type SignerKey } from '../../../src/domain/ledger/note.ts';

/** A key whose seed is the hash of a text, read back from its secret form. */
export function keyOf(text: string, vkey: string): SignerKey {
  const [name, id, encoded] = /^([^+]+)\+([^+]+)\+(.*)$/.exec(vkey)!.slice(1) as [
    string,
    string,
    string,
  ];
  const type = Buffer.from(encoded, 'base64').subarray(0, 1);
  const seed = Buffer.concat([type, hash('sha256', text, 'buffer')]).toString('base64');
  return parseSignerKey(`PRIVATE+KEY+${name}+${id}+${seed}`)!;
}

export const LOG_VKEY =
  'sentinelops.example/ledger/decisions-0+f4d5ea08+ATu9TtOHLYhEVPzm7BdGkggL9GCaVfkq/FaGqu9nrUzN';
export const WITNESS_VKEY =
  'regulator.example/w1+d2bf8cc2+BF/MhGU2+RLZNpOyz5tEdAFba4AeNihQ7CDVksszDXHn';
export const logKey = keyOf('sentinelops test log key', LOG_VKEY);
export const witnessKey = keyOf('sentinelops test witness key', WITNESS_VKEY);

export const CHECKPOINT_1000 = `sentinelops.example/ledger/decisions-0
1000
SABpr5Y6qkJZq9wcpi+Qnvdch4s2GndO9q7JV4seReE=

\u2014 sentinelops.example/ledger/decisions-0 9NXqCC8jz/URE3pP3VKzOSGN8wTRRD4R1ld8/JnKBDnjmqAK71ZKKhfq/8aI/fbUv5FxvqvEvg5t28E7+tIzsXSLHgA=
\u2014 regulator.example/w1 0r+MwgAAAABpJIEKfWVOkT3bAPsHOJL+h3mtgVyDhkpGz0678vk2fxuLOmrplUjIS+leTd8tUW2K7lEEfuD3DpysT2OLVUonm5pqAA==
`;

export const CHECKPOINT_700 = `sentinelops.example/ledger/decisions-0
700
${Buffer.from('f258a56fc6e1db7e90fb22b9faadf40d90cb0e311a4a6b6ac42d1564d91e36e6', 'hex').toString('base64')}

\u2014 sentinelops.example/ledger/decisions-0 9NXqCAbTEYnGt/r9C1DblF69i44Tbjm7UpLqlpyQsEPFL5qzdTpubOxiaH9BzrOVFnwLLXaKU1PdJFJeQCpVYP/AMAs=
\u2014 regulator.example/w1 0r+MwgAAAABpJIEFZDoguTI1DzhOWH2LbjVkSIQokJdjir82pI+kS5dEZZ1hwNcn3Kn+DfYIDgCbmYECTN6L5QXD1A3Ncy2Dzf3nBw==
`;
