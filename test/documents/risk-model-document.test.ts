import { describe, expect, it } from 'vitest';
import { riskModelDocument } from '../../src/documents/risk-model-document.ts';
import { printFault } from '../../src/documents/yaml.ts';

const document = `risk_model: plain
version: 1
context: default
factors:
  - factor: bad
    title: Something is bad
    points: 40.5
    event_types: [com.example.*]
    conditions:
      all:
        - { fact: event, path: $.data.bad, operator: equal, value: true }
thresholds: { MEDIUM: 30, HIGH: 60, CRITICAL: 90 }
`;

function faultsOf(text: string): string[] {
  const reading = riskModelDocument.read('m.yaml', text);
  return 'faults' in reading ? reading.faults.map(printFault) : [];
}

it('a risk model document is read as it is written', () => {
  expect(riskModelDocument.read('m.yaml', document)).toMatchObject({
    definition: {
      risk_model: 'plain',
      factors: [{ factor: 'bad', points: 40.5, event_types: ['com.example.*'] }],
      thresholds: { MEDIUM: 30, HIGH: 60, CRITICAL: 90 },
    },
  });
});

describe('a fault is given with file, line, column and what to do', () => {
  it.each<[string, string, string, string]>([
    [
      'points of text',
      'points: 40.5',
      'points: "40"',
      'm.yaml:7:13: "points" must be a number from -1000 to 1000',
    ],
    ['points beyond the score', 'points: 40.5', 'points: 1001', 'm.yaml:7:13: "points" must be'],
    [
      'points too fine',
      'points: 40.5',
      'points: 0.00001',
      'm.yaml:7:13: write at most four decimals',
    ],
    [
      'thresholds that do not rise',
      'HIGH: 60',
      'HIGH: 20',
      'm.yaml:12:13: MEDIUM, HIGH and CRITICAL must rise',
    ],
    ['a threshold for LOW', 'MEDIUM: 30', 'LOW: 0, MEDIUM: 30', 'm.yaml:12:15: unknown key "LOW"'],
    ['a threshold that is missing', ', CRITICAL: 90', '', 'm.yaml:12:13: "CRITICAL" is missing'],
    [
      'the fact that it is to find',
      'fact: event',
      'fact: risk',
      'm.yaml:11:19: the fact must be "event" here',
    ],
    [
      'no factors',
      document.slice(document.indexOf('  - factor'), document.indexOf('thresholds')),
      '  []\n',
      'm.yaml:5:3: "factors" must be a list of 1 to 100',
    ],
  ])('%s', (_, from, to, fault) => {
    expect(document).toContain(from);
    expect(faultsOf(document.replace(from, to)).join('\n')).toContain(fault);
  });
});
