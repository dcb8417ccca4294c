#!/usr/bin/env node
// Starts SentinelOps on a Node that can run it. Plain JavaScript: whichever Node is installed has to read this file.
//
// From Node 24.12 on, types are stripped at load, so the sources run as they are. An older Node steps aside for the
// Node 24 that the platform package brings along. It is spawned, not exec'd (Node has no exec) and not spawnSync'd
// (which forwards no signal): a SIGTERM for the launcher has to reach the daemon, which then drains.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NODE_MIN = [24, 12];
/** EX_CONFIG of sysexits.h: the installation has to change before another try can succeed. */
const EXIT_UNUSABLE = 78;

const [major, minor] = process.versions.node.split('.').map(Number);
const runsSources = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);

if (runsSources) {
  const source = new URL('../src/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
} else {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `sentinelops needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}, and no bundled Node ` +
        `fits ${process.platform}-${process.arch}.\nInstall Node 24 from nodejs.org, or run npm ci without --omit=optional.\n`,
    );
    process.exitCode = EXIT_UNUSABLE;
  } else {
    runUnder(node);
  }
}

/** The path of the platform package's binary, where one is installed. */
function bundledNode() {
  const require = createRequire(import.meta.url);
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  try {
    return require.resolve(
      `node-${process.platform.replace('win32', 'win')}-${process.arch}/bin/${binary}`,
    );
  } catch {
    return undefined;
  }
}

/** Runs this file again under `node` and ends as it ends. */
function runUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(
      `sentinelops cannot start the bundled Node at ${node}: ${error.message}\n`,
    );
    process.exitCode = EXIT_UNUSABLE;
  });
  child.on('exit', (code, signal) => {
    // A shell's convention for a child that a signal ended.
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
