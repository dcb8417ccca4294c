/** Policy documents: one policy version in one YAML file (see examples/README.md for every member). */
import { checkPolicy, type PolicyDefinition } from '../domain/policy.ts';
import { riskLevels } from '../domain/risk-level.ts';
import { documentKind } from './document.ts';
import { conditionsShape, eventTypes, name, sourceName, text, version } from './shapes.ts';

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
    minimum_level: { enum: riskLevels, description: `one of ${riskLevels.join(', ')}` },
  },
};

export const policyDocument = documentKind<PolicyDefinition>(
  {
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
      justification: text(2000),
    },
  },
  checkPolicy,
);
