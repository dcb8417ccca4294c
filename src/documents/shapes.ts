/** Parts of schemas that several kinds of documents share. Each description completes "… must be". */
import { type Finding, ifAbsentAnswers } from '../domain/conditions.ts';
import { SOURCE_NAME } from '../domain/event.ts';
import { operatorNames } from '../domain/operators.ts';
import { PATH_GRAMMAR } from '../domain/path.ts';
import { TYPE_PATTERN, TYPE_PATTERN_CHARACTERS_MAX } from '../domain/type-pattern.ts';

export const name = {
  type: 'string',
  pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
  maxLength: 64,
  description: 'a name of lower-case letters, digits and single hyphens, at most 64 characters',
};

/** Within one document a name is taken once: what is wrong with that of `entry`, which stands in `all`, at `at`. */
export function checkName<Entry extends { readonly name: string }>(
  entry: Entry,
  all: readonly Entry[],
  at: Finding['at'],
): readonly Finding[] {
  const isFirst = all.find((other) => other.name === entry.name) === entry;
  const problem = `"${entry.name}" is taken; rename one of them`;
  return isFirst ? [] : [{ at: [...at, 'name'], problem }];
}

export const version = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
  description: 'a whole number from 1; raise it with every change',
};

export const text = (charactersMax: number) => ({
  type: 'string',
  minLength: 1,
  maxLength: charactersMax,
  pattern: '\\S',
  description: `a text of 1 to ${charactersMax} characters`,
});

export const sourceName = {
  type: 'string',
  pattern: SOURCE_NAME.source,
  description: 'the name of a source: letters, digits and . _ : / -, at most 100 characters',
};

export const eventTypes = {
  type: 'array',
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
  items: {
    type: 'string',
    pattern: TYPE_PATTERN,
    maxLength: TYPE_PATTERN_CHARACTERS_MAX,
    description: 'an event type such as com.github.release.published, com.github.release.*, or *',
  },
  description: 'a list of 1 to 100 event types, each once',
};

/**
 * Says no more than that it is a mapping: domain/conditions.ts checks the tree, and can say what is wrong with it where a
 * schema would say that none of four shapes fits.
 */
export const conditionsShape = {
  type: 'object',
  description: 'a group: all, any or not',
};

/** The tree as a schema, for editors, which complete by it. */
export const conditionsSchema = {
  definitions: {
    group: {
      type: 'object',
      oneOf: ['all', 'any'].map((group) => ({
        required: [group],
        properties: {
          [group]: { type: 'array', minItems: 1, items: { $ref: '#/definitions/condition' } },
        },
        additionalProperties: false,
      })),
    },
    not: {
      type: 'object',
      required: ['not'],
      properties: { not: { $ref: '#/definitions/condition' } },
      additionalProperties: false,
    },
    leaf: {
      type: 'object',
      required: ['fact', 'path', 'operator', 'value'],
      properties: {
        fact: { enum: ['event', 'risk'] },
        path: { type: 'string', description: PATH_GRAMMAR },
        operator: { enum: operatorNames },
        value: { description: 'what the operator compares with' },
        ifAbsent: { enum: ifAbsentAnswers, description: 'what it means that the path is absent' },
      },
      additionalProperties: false,
    },
    condition: {
      anyOf: ['group', 'not', 'leaf'].map((shape) => ({ $ref: `#/definitions/${shape}` })),
    },
    conditions: { anyOf: ['group', 'not'].map((shape) => ({ $ref: `#/definitions/${shape}` })) },
  },
};
