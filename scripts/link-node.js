// Puts the bundled Node 24 first on the PATH of every npm script.
//
// npm 10, which Debian's Node 20 ships with, removes `.bin/node` again when it skips the platform packages that
// do not fit; everything would then run on the system's Node. Plain JavaScript: any Node may have to run it.
import { existsSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const link = join('node_modules', '.bin', 'node');
if (process.platform !== 'win32' && !existsSync(link)) {
  try {
    const binary = createRequire(import.meta.url).resolve(
      `node-${process.platform}-${process.arch}/bin/node`,
    );
    symlinkSync(relative(dirname(link), binary), link);
  } catch {
    // No binary is published for this platform: bin/sentinelops.js says which Node is needed.
  }
}
