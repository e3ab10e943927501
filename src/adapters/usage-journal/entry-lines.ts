import type { BudgetShare, UsageEvent, UsageStart } from '../../ports/usage.ts';
import { endLine, hasShortTexts, isSoundEnd, isSoundStart, type Line, MAX_START, startLine } from './entry.ts';

type Named = Pick<UsageStart, 'tenant' | 'service' | 'model' | 'route' | 'keySource' | 'credentialId' | 'credentialVersion' | 'gatewayKeyId' | 'tokenId' | 'tags' | 'endUser'>;

interface Known {
  readonly named: Named;
  /** Its fields as JSON, without the braces; undefined: it takes a closer look each time. */
  readonly text: string | undefined;
}

/** Callers of which something is remembered, and how many different things of each. */
const MAX_CALLERS = 1_000;
const EACH = 4;
const MAX_QUOTED = 1_000;
/** Longer ones are not worth the memory. */
const MAX_TEXT = 1_024;
/** What JSON writes as it is, in as many bytes as characters. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const PLAIN_JSON = /^[\x20-\x7e]*$/;
const ID = /^\w{1,64}$/;
const MAX_ID = 64;
const AMOUNT = /^[\d.]{1,32}$/;

/**
 * The lines of one journal's entries, the same as `startLine` and `endLine` write, in half the time: one caller's requests have most fields alike, whose text is
 * remembered, and what is left are numbers. Whatever is not as it usually is, is left to those two.
 */
export class EntryLines {
  readonly #known = new Map<string, Known[]>();
  readonly #quoted = new Map<string, string>();

  /** As `startLine`. */
  start(start: UsageStart): Line & { readonly start: UsageStart } {
    const named = this.#textOf(start);
    const shares = this.#sharesText(start.shares);
    if (named === undefined || shares === undefined || !ID.test(start.id) || start.tenant.length > MAX_ID || !isSoundStart(start)) return startLine(start);
    const cost = start.estimatedCost === undefined ? '' : `,"estimatedCost":${start.estimatedCost}`;
    const text = `{"start":{"id":"${start.id}",${named},"startedAt":${start.startedAt},"estimatedInputTokens":${start.estimatedInputTokens}${cost}${shares}}}\n`;
    return text.length <= MAX_START ? { text, bytes: text.length, start } : startLine(start);
  }

  /** As `endLine`. */
  end(event: UsageEvent, room: number): Line & { readonly event: UsageEvent } {
    const { cost } = event;
    const named = this.#textOf(event);
    const shares = this.#sharesText(event.shares);
    const currency = cost === null ? '' : this.#quote(cost.currency);
    if (named === undefined || shares === undefined || currency === undefined || !ID.test(event.id) || (cost !== null && !AMOUNT.test(cost.amount)) || !isSoundEnd(event)) return endLine(event, room);
    const money = cost === null ? 'null' : `{"amount":"${cost.amount}","currency":${currency}}`;
    const counts = `"inputTokens":${event.inputTokens},"outputTokens":${event.outputTokens},"cachedTokens":${event.cachedTokens},"cacheWriteTokens":${event.cacheWriteTokens},"reasoningTokens":${event.reasoningTokens}`;
    const how = `"status":${event.status},"outcome":"${event.outcome}","attempts":${event.attempts},${counts},"estimated":${event.estimated},"latencyMs":${event.latencyMs},"firstTokenMs":${event.firstTokenMs}`;
    const text = `{"end":{"id":"${event.id}",${named},"time":${event.time},${how},"cost":${money},"unpriced":${event.unpriced}${shares}}}\n`;
    return text.length <= room ? { text, bytes: text.length, event } : endLine(event, room);
  }

  #textOf(entry: Named): string | undefined {
    const caller = entry.gatewayKeyId ?? entry.tokenId ?? '';
    const known = this.#known.get(caller);
    if (known !== undefined) for (const one of known) if (isAlike(one.named, entry)) return one.text;
    return this.#remember(caller, known ?? [], entry);
  }

  #remember(caller: string, known: Known[], { tenant, service, model, route, keySource, credentialId, credentialVersion, gatewayKeyId, tokenId, tags, endUser }: Named): string | undefined {
    const named = { tenant, service, model, route, keySource, credentialId, credentialVersion, gatewayKeyId, tokenId, tags, endUser };
    if (!hasShortTexts(named)) return undefined;
    const json = JSON.stringify(named).slice(1, -1);
    if (json.length > MAX_TEXT) return undefined;
    const text = PLAIN_JSON.test(json) && !json.includes('\\u') ? json : undefined;
    if (known.length === EACH) known.shift();
    known.push({ named, text });
    if (this.#known.size >= MAX_CALLERS) this.#known.clear();
    this.#known.set(caller, known);
    return text;
  }

  #sharesText(shares: readonly BudgetShare[] | undefined): string | undefined {
    if (shares === undefined) return '';
    let text = '';
    for (const { budget, period, amount, of } of shares) {
      const quotedBudget = this.#quote(budget);
      const quotedPeriod = this.#quote(period);
      if (quotedBudget === undefined || quotedPeriod === undefined || !Number.isFinite(amount) || !Number.isFinite(of)) return undefined;
      text += `${text === '' ? '' : ','}{"budget":${quotedBudget},"period":${quotedPeriod},"amount":${amount},"of":${of}}`;
    }
    return `,"shares":[${text}]`;
  }

  /** In quotation marks; undefined for what JSON does not write as it is. */
  #quote(text: string): string | undefined {
    const known = this.#quoted.get(text);
    if (known !== undefined) return known;
    if (!PLAIN.test(text)) return undefined;
    if (this.#quoted.size >= MAX_QUOTED) this.#quoted.clear();
    const quoted = `"${text}"`;
    this.#quoted.set(text, quoted);
    return quoted;
  }
}

function hasNone(tags: Named['tags']): boolean {
  for (const _ in tags) return false;
  return true;
}

function isAlike(a: Named, b: Named): boolean {
  return (
    a.model === b.model &&
    a.route === b.route &&
    a.service === b.service &&
    a.credentialId === b.credentialId &&
    a.credentialVersion === b.credentialVersion &&
    a.keySource === b.keySource &&
    (a.tags === b.tags || (hasNone(a.tags) && hasNone(b.tags))) &&
    a.endUser === b.endUser &&
    a.tenant === b.tenant &&
    a.gatewayKeyId === b.gatewayKeyId &&
    a.tokenId === b.tokenId
  );
}
