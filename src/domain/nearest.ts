/** The word that was probably meant, for messages about unknown names. */

/** More edits than this are no misspelling any more, and longer words are not compared. */
const EDITS_MAX = 3;
const WORD_LENGTH_MAX = 64;

/** The candidate nearest to `word` by edit distance, if it is near enough to be worth suggesting. */
export function nearestTo(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > WORD_LENGTH_MAX) return undefined;
  let nearest: string | undefined;
  let fewest = Math.min(EDITS_MAX, Math.ceil(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

/** Levenshtein distance, one row of the matrix at a time. */
function editsBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let line = 1; line <= left.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= right.length; column += 1) {
      const substituted = row[column - 1]! + (left[line - 1] === right[column - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[column]! + 1, next[column - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}
