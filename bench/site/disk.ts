/** Where the stores keep their files. Durability costs what the disk makes it cost, so the disk must be one. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { firstUnreachable, systemUser } from '../../src/embedded/system-user.ts';

export interface Disk {
  readonly directory: string;
  /** `ext4 on /dev/vda` */
  readonly filesystem: string;
}

const MEMORY_FILESYSTEMS = new Set(['tmpfs', 'ramfs']);

/**
 * The first of the usual places that is on a disk and open to the user that PostgreSQL runs as.
 * @throws Error when there is none.
 */
export async function findDisk(): Promise<Disk> {
  const mounts = await readMounts();
  const user = await systemUser();
  for (const directory of [tmpdir(), '/var/tmp', process.cwd()]) {
    const mount = mountOf(directory, mounts);
    const isDisk = mount !== undefined && !MEMORY_FILESYSTEMS.has(mount.type);
    if (isDisk && (await firstUnreachable(directory, user)) === undefined) {
      return { directory, filesystem: `${mount.type} on ${mount.device}` };
    }
  }
  throw new Error(
    'No temporary directory is on a disk and open to PostgreSQL: set TMPDIR to one that is.',
  );
}

interface Mount {
  readonly device: string;
  readonly point: string;
  readonly type: string;
}

async function readMounts(): Promise<readonly Mount[]> {
  const text = await readFile('/proc/mounts', 'utf8');
  return text.split('\n').map((line) => {
    const [device = '', point = '', type = ''] = line.split(' ');
    return { device, point, type };
  });
}

/** The mount with the longest path above the directory; of several on one point the last hides the others. */
function mountOf(directory: string, mounts: readonly Mount[]): Mount | undefined {
  return mounts
    .filter(({ point }) => point === '/' || `${directory}/`.startsWith(`${point}/`))
    .toSorted((one, other) => one.point.length - other.point.length)
    .at(-1);
}
