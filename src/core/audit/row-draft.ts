import type { AuditRowDraft } from '../../ports/audit-journal.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { ErrorCode } from '../../ports/errors.ts';
import { resourceText } from '../access/resource.ts';
import type { AuditEntry } from './audit-log.ts';

/** Longer than any name that R0.2 allows; a refused caller may have sent anything. */
const MAX_TEXT = 512;

/** Makes the rows of one writer: fresh ids, the clock's time. */
export class RowDrafts {
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
  }

  intent(entry: AuditEntry): AuditRowDraft {
    const id = this.#newId();
    const note = entry.note === undefined ? {} : { note: entry.note };
    return { ...this.#about(entry), id, intentId: id, phase: 'intent', outcome: null, code: null, ...note };
  }

  /** What became of an intent: its actor, action and resource again, with the id of what was made, so that an outcome can be read alone. */
  outcome(intent: AuditRowDraft, outcome: 'ok' | 'denied' | 'failed', code: ErrorCode | null, made: string | null = null): AuditRowDraft {
    const resource = made === null ? intent.resource : storable(`${intent.resource}/${made}`);
    const { note: _note, ...about } = intent;
    return { ...about, resource, id: this.#newId(), time: this.#clock.now(), phase: 'outcome', outcome, code };
  }

  /** A refusal is its own intent: nothing was going to happen. */
  denied(entry: AuditEntry, code: ErrorCode): AuditRowDraft {
    const id = this.#newId();
    return { ...this.#about(entry), id, intentId: id, phase: 'outcome', outcome: 'denied', code };
  }

  /** Sign-ins that were refused, counted (S29). Addresses are personal data and stay out of a log that is never shortened. */
  signInsFailed(count: number, addresses: string): AuditRowDraft {
    const id = this.#newId();
    return {
      id,
      time: this.#clock.now(),
      phase: 'outcome',
      intentId: id,
      action: 'sign-in.failed',
      actor: { kind: 'anonymous', id: 'anonymous', role: 'none' },
      tenant: null,
      resource: `platform/sign-in (${count} refused, ${addresses})`,
      outcome: 'denied',
      code: 'unauthenticated',
      requestId: null,
    };
  }

  #about(entry: AuditEntry): Pick<AuditRowDraft, 'time' | 'action' | 'actor' | 'tenant' | 'resource' | 'requestId'> {
    const { actor, resource } = entry;
    return {
      time: this.#clock.now(),
      action: entry.action,
      actor: { kind: actor.kind, id: storable(actor.id), role: actor.role },
      tenant: resource.scope.kind === 'tenant' ? storable(resource.scope.tenant) : null,
      resource: storable(resourceText(resource)),
      requestId: entry.requestId === null ? null : storable(entry.requestId),
    };
  }

  #newId(): string {
    return `aud_${this.#random(12).toString('hex')}`;
  }
}

/** Rows go to the store in groups, so one caller's odd text (a NUL, half an emoji, a megabyte) must not spoil the others' rows. */
function storable(text: string): string {
  return text.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\u{FFFD}');
}
