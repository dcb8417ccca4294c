/** Risk model documents: one model version in one YAML file (see examples/README.md for every member). */
import { checkRiskModel, type RiskModelDefinition } from '../domain/risk.ts';
import { documentKind } from './document.ts';
import { conditionsShape, eventTypes, name, text, version } from './shapes.ts';

/** With at most 100 factors a score stays within numeric(10, 4). */
const points = {
  type: 'number',
  minimum: -1000,
  maximum: 1000,
  description: 'a number from -1000 to 1000',
};

const factor = {
  type: 'object',
  description: 'a mapping with factor, title, points and conditions',
  additionalProperties: false,
  required: ['factor', 'title', 'points', 'conditions'],
  properties: {
    factor: name,
    title: text(200),
    points,
    event_types: eventTypes,
    conditions: conditionsShape,
  },
};

export const riskModelSchema = {
  type: 'object',
  description: 'a mapping that starts with "risk_model:"',
  additionalProperties: false,
  required: ['risk_model', 'version', 'context', 'factors', 'thresholds'],
  properties: {
    risk_model: name,
    version,
    context: name,
    factors: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: factor,
      description: 'a list of 1 to 100 factors',
    },
    thresholds: {
      type: 'object',
      description: 'a mapping with MEDIUM, HIGH and CRITICAL',
      additionalProperties: false,
      required: ['MEDIUM', 'HIGH', 'CRITICAL'],
      properties: { MEDIUM: points, HIGH: points, CRITICAL: points },
    },
  },
};

export const riskModelDocument = documentKind<RiskModelDefinition>(riskModelSchema, checkRiskModel);
