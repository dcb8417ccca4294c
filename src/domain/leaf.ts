/** A condition's leaf, compiled, and the value that it is about in a fact. */
import { type Condition, type Leaf, leavesOf } from './conditions.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { absent, follow, type Path, parsePath, type Unresolved } from './path.ts';

export interface CompiledLeaf {
  /** Where it stands in its tree: `all.0.any.1`. */
  readonly position: string;
  readonly leaf: Leaf;
  readonly path: Path;
  readonly comparesNull: boolean;
}

/** In the order of the tree. The conditions are such as `checkConditions` has passed. */
export function compileLeaves(conditions: Condition): readonly CompiledLeaf[] {
  return leavesOf(conditions).map(({ position, leaf }) => compileLeaf(leaf, position));
}

export function compileLeaf(leaf: Leaf, position: string): CompiledLeaf {
  const { path, value } = leaf;
  const comparesNull = value === null || (Array.isArray(value) && value.includes(null));
  return { position, leaf, path: parsePath(path)!, comparesNull };
}

/** A path that leads to null is absent, unless the leaf compares with null. */
export function look(
  { path, comparesNull }: CompiledLeaf,
  fact: JsonObject,
): JsonValue | Unresolved {
  const found = follow(path, fact);
  return found === null && !comparesNull ? absent : found;
}
