/** Policy documents: one policy version in one YAML file (see examples/README.md for every member). */
import { checkPolicy, type PolicyDefinition } from '../domain/policy.ts';
import { caseOutcomes, type PolicyCase } from '../domain/policy-case.ts';
import { riskLevels } from '../domain/risk-level.ts';
import { type DocumentKind, documentKind } from './document.ts';
import { conditionsShape, eventTypes, name, sourceName, text, version } from './shapes.ts';

const riskLevel = { enum: riskLevels, description: `one of ${riskLevels.join(', ')}` };

const recommendation = {
  type: 'object',
  description: 'a mapping with option, title, target and command',
  additionalProperties: false,
  required: ['option', 'title', 'target', 'command'],
  properties: {
    option: name,
    title: text(200),
    target: name,
    command: {
      type: 'object',
      minProperties: 1,
      description: 'a mapping: the command that the target receives',
    },
    effect: { enum: ['restrict', 'restore', 'none'], description: 'restrict, restore or none' },
    resource: text(500),
  },
};

const appliesTo = {
  type: 'object',
  description: 'a mapping with event_types and, where needed, sources and minimum_level',
  additionalProperties: false,
  required: ['event_types'],
  properties: {
    event_types: eventTypes,
    sources: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      items: sourceName,
      description: 'a list of 1 to 100 names of sources, each once',
    },
    minimum_level: riskLevel,
  },
};

const policyCase = {
  type: 'object',
  description: 'a mapping with case, event and expect',
  additionalProperties: false,
  required: ['case', 'event', 'expect'],
  properties: {
    case: text(200),
    event: {
      type: 'object',
      description: 'a mapping with type, data and, where needed, source, id, subject and time',
      additionalProperties: false,
      required: ['type', 'data'],
      properties: {
        type: text(200),
        source: sourceName,
        id: text(200),
        subject: text(200),
        time: text(40),
        data: {},
      },
    },
    risk: {
      type: 'object',
      description: 'a mapping with score (a number, or null for UNKNOWN) and level',
      additionalProperties: false,
      required: ['score', 'level'],
      properties: {
        score: { type: ['number', 'null'], description: 'a number or null' },
        level: riskLevel,
      },
    },
    expect: { enum: caseOutcomes, description: `one of ${caseOutcomes.join(', ')}` },
    options: { type: 'array', maxItems: 10, items: name, description: 'a list of option names' },
  },
};

/** A policy as a file has it: the version, and the cases that test it. */
export interface PolicyDocument {
  readonly definition: PolicyDefinition;
  readonly cases: readonly PolicyCase[];
}

/** Also the schema by which editors complete and check a document; what a schema cannot say is checked after it. */
export const policySchema = {
  type: 'object',
  description: 'a mapping that starts with "policy:"',
  additionalProperties: false,
  required: [
    'policy',
    'version',
    'title',
    'description',
    'regulatory_reference',
    'priority_level',
    'applies_to',
    'conditions',
    'recommendations',
  ],
  properties: {
    policy: name,
    version,
    title: text(200),
    description: text(2000),
    regulatory_reference: text(200),
    priority_level: {
      type: 'integer',
      minimum: 1,
      maximum: 5,
      description: 'a number from 1 (shown first) to 5',
    },
    applies_to: appliesTo,
    conditions: conditionsShape,
    recommendations: {
      type: 'array',
      minItems: 1,
      maxItems: 10,
      items: recommendation,
      description: 'a list of 1 to 10 options: people must have something to approve',
    },
    // Two shapes; domain/authority.ts reads both.
    required_authority: {},
    activation: { enum: ['third person'], description: '"third person"' },
    justification: text(2000),
    cases: {
      type: 'array',
      maxItems: 50,
      items: policyCase,
      description: 'a list of at most 50 cases',
    },
  },
};

const withCases = documentKind<PolicyDefinition & { readonly cases?: readonly PolicyCase[] }>(
  policySchema,
  checkPolicy,
);

/** Reads the version with its cases. */
export const testedPolicyDocument: DocumentKind<PolicyDocument> = {
  read(file, text) {
    const reading = withCases.read(file, text);
    if ('faults' in reading) return reading;
    return { definition: apart(reading.definition) };
  },
  check(value) {
    const reading = withCases.check(value);
    return 'findings' in reading ? reading : { definition: apart(reading.definition) };
  },
};

function apart({
  cases = [],
  ...definition
}: PolicyDefinition & { readonly cases?: readonly PolicyCase[] }): PolicyDocument {
  return { definition, cases };
}

/** Reads the version alone. */
export const policyDocument: DocumentKind<PolicyDefinition> = {
  read(file, text) {
    const reading = testedPolicyDocument.read(file, text);
    return 'faults' in reading ? reading : { definition: reading.definition.definition };
  },
  check(value) {
    const reading = testedPolicyDocument.check(value);
    return 'findings' in reading ? reading : { definition: reading.definition.definition };
  },
};
