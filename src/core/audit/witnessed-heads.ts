import type { HeadStore } from '../../ports/audit-custody.ts';
import type { AuditWitness, WitnessAnswer } from '../../ports/audit-witness.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import { StartError } from '../../ports/start-error.ts';
import type { SignedHead } from './audit-heads.ts';
import type { AuditProofs } from './audit-proofs.ts';
import { parseCheckpoint } from './notes/checkpoint.ts';
import type { WitnessKey } from './notes/witness-key.ts';

/** A head with what the witness said of it. */
export interface WitnessedHead {
  readonly size: number;
  /** Signed by the log's key and by the witness. */
  readonly note: string;
  /** When the witness said so, in milliseconds since the epoch. */
  readonly at: number;
}

export interface WitnessedHeadsDependencies {
  readonly witness: AuditWitness;
  readonly key: WitnessKey;
  readonly proofs: Pick<AuditProofs, 'consistency' | 'head'>;
  /** Where the last witnessed head is kept. */
  readonly kept: HeadStore;
  readonly log: Log;
}

/** What keeps the witness from signing: a sentence that says what to do. `grave`: the log itself may be wrong. */
interface Failure {
  readonly message: string;
  readonly grave: boolean;
  readonly error?: unknown;
}

/** A witness that has seen another size says which; the next request fits it, unless somebody else gets in between. */
const ATTEMPTS = 3;

/**
 * Has heads cosigned by a witness (S30, https://c2sp.org/tlog-witness). It signs only what goes on from all that it has seen before, so whoever holds this
 * machine and its keys cannot make another past for it. Failures are told, never thrown, and stop nothing.
 */
export class WitnessedHeads {
  readonly #dependencies: WitnessedHeadsDependencies;
  #last: WitnessedHead | undefined;
  #failure: string | null = null;
  #running: Promise<void> = Promise.resolve();

  private constructor(dependencies: WitnessedHeadsDependencies, last: WitnessedHead | undefined) {
    this.#dependencies = dependencies;
    this.#last = last;
  }

  /** Goes on from what was kept, if this witness has signed it. */
  static async open(dependencies: WitnessedHeadsDependencies): Promise<WitnessedHeads> {
    const note = await dependencies.kept.last();
    return new WitnessedHeads(dependencies, note === undefined ? undefined : witnessed(note, dependencies.key));
  }

  /** The witness's name. */
  get name(): string {
    return this.#dependencies.key.name;
  }

  /** The head that it signed last. */
  get last(): WitnessedHead | undefined {
    return this.#last;
  }

  /** Why the last head was not signed, and what to do; null when it was. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Never rejects; one head after the other. */
  offer(head: SignedHead): Promise<void> {
    this.#running = this.#running.then(() => this.#offer(head));
    return this.#running;
  }

  async #offer(head: SignedHead): Promise<void> {
    const { log } = this.#dependencies;
    const outcome = await this.#ask(head).catch((error: unknown): Failure => ({ message: error instanceof StartError ? error.message : asKeyholdError(error).publicMessage, grave: false, error }));
    if ('note' in outcome) {
      this.#last = outcome;
      this.#failure = null;
      log.info('audit_checkpoint_witnessed', 'The audit log\'s head was signed by the witness, too', { name: this.name, count: outcome.size, checkpoint: outcome.note });
      return;
    }
    const { message, grave, error } = outcome;
    if (message === this.#failure) return;
    this.#failure = message;
    const fields = { name: this.name, address: this.#dependencies.witness.place, count: head.size, ...(error === undefined ? {} : { error }) };
    if (grave) log.error('audit_witness_disagrees', message, fields);
    else log.warn('audit_witness_failed', `${message} It is tried again each minute; Keyhold goes on`, fields);
  }

  async #ask(offered: SignedHead): Promise<WitnessedHead | Failure> {
    const { witness, proofs } = this.#dependencies;
    let head = offered;
    let oldSize = Math.min(this.#sizeSeen(head), head.size);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { hashes } = oldSize === 0 ? { hashes: [] } : await proofs.consistency(null, oldSize, head.size);
      const answer = await witness.addCheckpoint({ oldSize, proof: hashes, checkpoint: head.note });
      if (answer.state === 'cosigned') return this.#taken(head, answer.lines);
      if (answer.state === 'refused') return refused(answer);
      // Another replica may have offered its own head meanwhile, of a log that has grown.
      if (answer.size > head.size) head = await proofs.head(null);
      if (answer.size > head.size) {
        return { message: `The witness has seen ${answer.size} rows of this audit log, and there are ${head.size}: an older database was put in the place of the newest, or another Keyhold writes under the same key. Find out which before you go on.`, grave: true };
      }
      oldSize = answer.size;
    }
    return { message: 'The witness says each time that it has seen another size of the audit log.', grave: false };
  }

  /** The witness starts anew with a log of a new name. */
  #sizeSeen({ origin }: SignedHead): number {
    const head = this.#last === undefined ? undefined : parseCheckpoint(this.#last.note);
    return head?.origin === origin ? head.size : 0;
  }

  async #taken(head: SignedHead, lines: string): Promise<WitnessedHead | Failure> {
    const { key, kept } = this.#dependencies;
    const cosignature = key.cosignatureIn(`${head.note}${lines}`);
    if (cosignature === undefined) return { message: 'The witness answered, but not with a signature of the key in KEYHOLD_AUDIT_WITNESS_KEY. Compare it with the key that the witness publishes.', grave: false };
    const note = `${head.note}${cosignature.line}\n`;
    await kept.keep(note);
    return { size: head.size, note, at: cosignature.at * 1000 };
  }
}

function refused({ status }: Extract<WitnessAnswer, { readonly state: 'refused' }>): Failure {
  switch (status) {
    // The specification tells a log that is not known from a key that is not; some witnesses do not.
    case 403:
    case 404:
      return { message: `The witness does not know this audit log, or not by this key (${status}). Give its operator the log's public key, which \`keyhold audit key\` prints; after a change of the key, the new one.`, grave: false };
    case 422:
      return { message: 'The witness has seen another audit log under this name (422): what it signed before is not the beginning of this one. Somebody changed the log, or another Keyhold writes under the same key. Find out which before you go on.', grave: true };
    default:
      return { message: `The witness answered ${status}. Check KEYHOLD_AUDIT_WITNESS_URL; redirects are not followed.`, grave: false };
  }
}

function witnessed(note: string, key: WitnessKey): WitnessedHead | undefined {
  const head = parseCheckpoint(note);
  const cosignature = key.cosignatureIn(note);
  return head === undefined || cosignature === undefined ? undefined : { size: head.size, note, at: cosignature.at * 1000 };
}
