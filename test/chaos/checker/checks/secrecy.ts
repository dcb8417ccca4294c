/** S: nobody may do more than was reviewed, and no secret leaves its place. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, first, offendersOf, type World } from '../check.ts';
import { privilegeMatrix } from '../../../support/privileges.ts';

const GOLDEN = join(import.meta.dirname, '../../../sql/privileges.golden.txt');

const S1: Check = {
  name: 'S1',
  title: 'Rights in Postgres are those of the reviewed matrix',
  async find({ postgres }) {
    const held = new Set(linesOf(await privilegeMatrix(postgres)));
    const reviewed = new Set(linesOf(await readFile(GOLDEN, 'utf8')));
    return first([
      ...[...held].filter((line) => !reviewed.has(line)).map((line) => `gained: ${line}`),
      ...[...reviewed].filter((line) => !held.has(line)).map((line) => `lost: ${line}`),
    ]);
  },
};

/** Each right with the role that holds it, since a line alone may stand under any. */
function linesOf(matrix: string): readonly string[] {
  return matrix.split('\n\n').flatMap((section) => {
    const [role, ...rights] = section.trimEnd().split('\n');
    return rights.map((right) => `${role}: ${right.trim()}`);
  });
}

const S2: Check = {
  name: 'S2',
  title: 'No secret appears in a log, a job or an error',
  find: async (world) => first([...inLogsAndJobs(world), ...(await inErrors(world))]),
};

function* inLogsAndJobs({ evidence }: World): Generator<string> {
  const { canaries } = evidence.run;
  for (const { file, text } of evidence.logs) {
    const index = canaries.findIndex((canary) => text.includes(canary));
    if (index >= 0) yield `secret ${index} in ${file}`;
  }
  for (const { queue, job, content } of evidence.jobs) {
    const text = JSON.stringify(content);
    const index = canaries.findIndex((canary) => text.includes(canary));
    if (index >= 0) yield `secret ${index} in ${queue} job ${job}`;
  }
}

async function inErrors(world: World): Promise<readonly string[]> {
  const quoted = world.evidence.run.canaries.map((canary) => `'${canary.replaceAll("'", "''")}'`);
  if (quoted.length === 0) return [];
  return offendersOf(
    world,
    `select 'secret in ' || place as offender from (
       select 'dead letter ' || dead_letter_id as place, concat_ws(' ', detail, error_class, reason) as text
         from audit.dead_letter
       union all select 'attempt on ' || execution_id, detail from audit.attempt) as error
     where exists (select from unnest(array[${quoted.join()}]) as canary where position(canary in error.text) > 0)`,
  );
}

export const secrecyChecks: readonly Check[] = [S1, S2];
