import { parseArgs } from 'node:util';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const parts = ['json', 'burst', 'steps', 'latency', 'memory', 'open-streams', 'workers', 'credentials', 'changes'] as const;
/** Not in a run of everything: a million rows are written first; and what needs servers of its own and does not measure speed beside others'. */
const named: readonly (typeof parts)[number][] = ['credentials', 'changes'];

type Part = (typeof parts)[number];

export interface Options {
  readonly parts: readonly Part[];
  readonly quick: boolean;
  /** Where the figures go as JSON. */
  readonly out: string;
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  readonly profileTo: string | undefined;
}

export const usage = `npm run bench -- [options]

  --part <name>      one of ${parts.join(', ')}; may be given several times. All of them unless given,
                     but for credentials, which takes some minutes and 4 GB of disk, and changes,
                     which takes PostgreSQL, Redis and some minutes
  --quick            a short look: fewer and shorter rounds, a tenth of the requests and streams
  --rounds <n>       rounds of each measurement (7; 3 with --quick)
  --seconds <n>      length of a round (5; 2 with --quick)
  --out <file>       where the figures go as JSON (a file in the system's temporary folder)
  --profile <folder> leaves Keyhold's processor profiles there; its figures are worse then
`;

/** Reads the command line. Throws an Error that says what is wrong with it. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      part: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    parts: values.part === undefined ? parts.filter((part) => !named.includes(part)) : values.part.map(partNamed),
    quick: values.quick,
    out: resolve(values.out ?? join(tmpdir(), `keyhold-bench-${new Date().toISOString().replaceAll(':', '-')}.json`)),
    rounds: count('rounds', values.rounds, values.quick ? 3 : 7),
    seconds: count('seconds', values.seconds, values.quick ? 2 : 5),
    profileTo: values.profile === undefined ? undefined : resolve(values.profile),
  };
}

function partNamed(name: string): Part {
  const part = parts.find((one) => one === name);
  if (part === undefined) throw new Error(`There is no part ${name}. The parts are ${parts.join(', ')}.`);
  return part;
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${name} is a number from 1 to 9999.`);
  return Number(text);
}
