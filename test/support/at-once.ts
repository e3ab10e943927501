import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Stands before each script: `await together()` goes on when all processes have come so far, and `say(value)` is the last thing that a process does. */
const PRELUDE = `
  const told = (await import('node:readline')).createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const together = async () => {
    process.stdout.write('here\\n');
    await told.next();
  };
  const say = (value) => {
    process.stdout.write(JSON.stringify(value) + '\\n');
    process.stdin.destroy();
  };
`;

/** Runs a script in so many processes of their own, `args` and the process's number behind it in `process.argv`, and gives what each has said. */
export async function atOnce(count: number, script: string, args: readonly string[]): Promise<readonly unknown[]> {
  const children = Array.from({ length: count }, (_, number) =>
    spawn(process.execPath, ['--input-type=module', '-e', `${PRELUDE}${script}`, ...args, String(number)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const here = new Set<ChildProcess>();
  const said = children.map(async (child) => {
    let last = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line !== 'here') last = line;
      else if (here.add(child).size === count) {
        here.clear();
        for (const each of children) each.stdin.write('go\n');
      }
    });
    const [code]: readonly unknown[] = await once(child, 'close');
    if (code !== 0) throw new Error(`A process ended with ${String(code)}; it has said above why.`);
    return JSON.parse(last) as unknown;
  });
  try {
    return await Promise.all(said);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}
