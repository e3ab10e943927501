import type { TestDatabase } from '../servers/postgres-databases.ts';
import { sharedPostgres } from '../servers/with-postgres.ts';

/** The product's term, less what two clocks of one machine may differ by. */
const TERM_MS = 29_500;
/** How late a line may arrive from a replica of a busy machine, or one that stood still between two steps; and how early the database's time is taken. */
const LATE_MS = 5_000;
const EARLY_MS = 500;

/** A job's line, as it arrived here. */
interface Line {
  readonly at: number;
  readonly event: string;
  readonly name: string;
  readonly replica: string;
}

/** A replica had a job's lease from the one time until the other. */
interface Hold {
  readonly replica: string | null;
  readonly from: number;
  /** The last time that it wrote the record. */
  last: number;
  to: number;
}

/** Who had the leases at which time, by a trigger of the database that nobody can go round, and when jobs began and ended, by the replicas' own lines (KEYHOLD_LOG_LEVEL=debug). All by the machine's true clock. */
export class JobTrace {
  readonly #lines: Line[] = [];

  /** For what one life of a replica writes. */
  get listener(): (text: string) => void {
    let rest = '';
    return (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!/^\{.*"event":"job_(?:began|ended)".*\}$/u.test(line)) continue;
        const { event, name, replica } = JSON.parse(line) as Line;
        this.#lines.push({ at: Date.now(), event, name, replica });
      }
    };
  }

  /** Before any replica but those that have written a lease once more. */
  static async install({ name: database }: TestDatabase): Promise<void> {
    const run = async (sql: string): Promise<unknown> => sharedPostgres().query(sql, database);
    await run('CREATE SCHEMA trace');
    await run('CREATE TABLE trace.leases (id bigserial PRIMARY KEY, at double precision NOT NULL, name text NOT NULL, holder text)');
    await run(`CREATE FUNCTION trace.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      $$ BEGIN INSERT INTO trace.leases (at, name, holder) VALUES (extract(epoch FROM clock_timestamp()) * 1000, NEW.name, NEW.body::jsonb->>'holder'); RETURN NEW; END $$`);
    await run('CREATE TRIGGER note AFTER INSERT OR UPDATE ON keyhold.leases FOR EACH ROW EXECUTE FUNCTION trace.note()');
    await run("INSERT INTO trace.leases (at, name, holder) SELECT 0, name, body::jsonb->>'holder' FROM keyhold.leases");
  }

  /** What jobs were done otherwise than docs/replicas.md says, in words: by two at a time, by one that had not the lease, or taken from a holder within its term. */
  async problems({ name: database }: TestDatabase): Promise<readonly string[]> {
    const problems: string[] = [];
    const rows = await sharedPostgres().query('SELECT at, name, holder FROM trace.leases ORDER BY id', database);
    const writes = Map.groupBy(rows.map(({ at, name, holder }) => ({ at: Number(at), name: String(name), replica: typeof holder === 'string' ? holder : null })), ({ name }) => name);
    for (const [name, ofJob] of writes) {
      const holds: Hold[] = [];
      for (const { at, replica } of ofJob) {
        const before = holds.at(-1);
        if (before !== undefined && before.replica === replica) before.last = at;
        else {
          if (before !== undefined) before.to = at;
          holds.push({ replica, from: at, last: at, to: Infinity });
          if (before !== undefined && before.replica !== null && replica !== null && at - before.last < TERM_MS) problems.push(`${name} was taken by ${replica} from ${before.replica} after ${Math.round(at - before.last)} ms`);
        }
      }
      for (const { at, event, replica } of this.#lines.filter((line) => line.name === name)) {
        const had = holds.some((hold) => hold.replica === replica && hold.from - EARLY_MS <= at && at <= hold.to + LATE_MS);
        if (!had) problems.push(`${name} ${event === 'job_began' ? 'began' : 'ended'} on ${replica} at ${at}, which had not the lease: ${JSON.stringify(holds)}`);
      }
    }
    if (!this.#lines.some(({ name, event }) => writes.has(name) && event === 'job_ended')) problems.push('no job has run');
    return problems;
  }
}
