/** Parts of schemas that several kinds of documents share. Each description completes "… must be". */
import { SOURCE_NAME } from '../domain/event.ts';
import { TYPE_PATTERN, TYPE_PATTERN_CHARACTERS_MAX } from '../domain/type-pattern.ts';

export const name = {
  type: 'string',
  pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
  maxLength: 64,
  description: 'a name of lower-case letters, digits and single hyphens, at most 64 characters',
};

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

/** The tree itself is checked by domain/conditions.ts, which can say what is wrong with it. */
export const conditionsShape = {
  type: 'object',
  description: 'a group: all, any or not',
};
