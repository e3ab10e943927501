import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { BusMessage } from '../../ports/bus.ts';
import { isBusMessage, isObject } from './message-shape.ts';

/** What goes from replica to replica. Ids and versions only (S32). */
export interface Envelope {
  /** The replica's name, new at each start. */
  readonly sender: string;
  /** New whenever the sender counts from 1 again. */
  readonly epoch: string;
  /** Counts everything that a sender sends in one epoch, from 1. */
  readonly sequence: number;
  /** Milliseconds on the sender's own clock that only grows: means something to itself alone. */
  readonly sentAt: number;
  /** `alive` each second; `changed` with what changed; `missed`: others may not have heard of all that changed; `bye`: nothing will come any more. */
  readonly says: { readonly kind: 'alive' | 'missed' | 'bye' } | { readonly kind: 'changed'; readonly message: BusMessage };
}

/** Why bytes are no envelope; `strange`: one of ours, from a version that says what this one does not know. */
export type Unreadable = 'forged' | 'unreadable';
export type Opened = Omit<Envelope, 'says'> & { readonly says: Envelope['says'] | { readonly kind: 'strange' } };

/**
 * `keyhold-bus-1`, HMAC-SHA-256 in base64url, JSON; separated by dots. The first word is the outer form: a version with another one is foreign to this one.
 * What is inside may grow: a topic that a version does not know is told apart from a forgery.
 */
const FORM = 'keyhold-bus-1';
const DIGEST = /^[\w-]{43}$/u;
const NAME = /^[0-9a-f]{16}$/u;

export function sealed(key: KeyObject, { sender, epoch, sequence, sentAt, says }: Envelope): Buffer {
  const content = JSON.stringify({ sender, epoch, sequence, sentAt, says });
  return Buffer.from(`${FORM}.${digest(key, content).toString('base64url')}.${content}`);
}

export function opened(key: KeyObject, bytes: Buffer): Opened | Unreadable {
  const text = bytes.toString();
  const [form = '', given = ''] = text.split('.', 2);
  if (form !== FORM || !DIGEST.test(given)) return 'unreadable';
  const content = text.slice(form.length + given.length + 2);
  const expected = digest(key, content);
  const claimed = Buffer.from(given, 'base64url');
  if (claimed.length !== expected.length || !timingSafeEqual(claimed, expected)) return 'forged';
  return readable(parsed(content)) ?? 'unreadable';
}

function digest(key: KeyObject, content: string): Buffer {
  return createHmac('sha256', key).update(`${FORM}.${content}`).digest();
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function readable(value: unknown): Opened | undefined {
  if (!isObject(value)) return undefined;
  const { sender, epoch, sequence, sentAt, says } = value;
  if (typeof sender !== 'string' || !NAME.test(sender) || typeof epoch !== 'string' || !NAME.test(epoch)) return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1 || typeof sentAt !== 'number') return undefined;
  return { sender, epoch, sequence, sentAt, says: whatItSays(says) };
}

function whatItSays(says: unknown): Opened['says'] {
  if (!isObject(says)) return { kind: 'strange' };
  const { kind, message } = says;
  if (kind === 'alive' || kind === 'missed' || kind === 'bye') return { kind };
  return kind === 'changed' && isBusMessage(message) ? { kind, message } : { kind: 'strange' };
}
