/**
 * Patterns of event types: `com.github.release.published` names one type, `com.github.release.*` every type below
 * `com.github.release` (and not that type itself), `*` all of them. What is looked up is the few patterns that a type
 * can meet, so finding the policies of an event does not get slower with their number.
 */

export const TYPE_PATTERN = '^(\\*|[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*(\\.\\*)?)$';
/** As long as the type of an event may be. */
export const TYPE_PATTERN_CHARACTERS_MAX = 200;

/** Every pattern that `type` meets, the narrowest first. */
export function patternsOf(type: string): readonly string[] {
  const names = type.split('.');
  const wider = names.slice(0, -1).map((_, index) => `${names.slice(0, index + 1).join('.')}.*`);
  return [type, ...wider.reverse(), '*'];
}
