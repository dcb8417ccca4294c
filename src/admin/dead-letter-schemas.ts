/** The documents of dead letters over HTTP. Times are RFC 3339 in UTC with microseconds. */
import Type, { type TSchema } from 'typebox';

const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Text = Type.String();
const summary = {
  dead_letter_id: Text,
  state: Type.Enum(['open', 'redriven', 'discarded']),
  queue: Text,
  message_id: nullable(Text),
  source: nullable(Text),
  external_id: nullable(Text),
  reason: Text,
  remedy: nullable(Text),
  detail: Text,
  claims: Type.Integer(),
  content_bytes: Type.Integer(),
  created_at: Text,
};
export const LetterSummary = Type.Object(summary);
export const LetterPage = Type.Object({
  dead_letters: Type.Array(LetterSummary),
  next_cursor: nullable(Text),
});
export const LetterDocument = Type.Object({
  ...summary,
  error_class: nullable(Text),
  content_sha256: nullable(Text),
  kind: nullable(Text),
  redrives: Type.Array(Type.Object({ at: Text, by: nullable(Text) })),
  discarded_at: nullable(Text),
  discarded_by: nullable(Text),
  discard_reason: nullable(Text),
  headers: Type.Optional(Type.Unknown({ description: 'For those who may read reviews.' })),
  content_base64: Type.Optional(nullable(Text)),
});
export const Redriven = Type.Object({
  dead_letter_id: Text,
  state: Type.Literal('redriven'),
  queue: Text,
  redriven_at: Text,
});
export const Discarded = Type.Object({
  dead_letter_id: Text,
  state: Type.Literal('discarded'),
  discarded_at: Text,
});
