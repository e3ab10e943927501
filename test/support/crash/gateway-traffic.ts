import { setTimeout as sleep } from 'node:timers/promises';
import type { ProviderServer } from '../servers/provider-server.ts';
import type { RecordedRequest } from '../servers/provider-server-answers.ts';
import type { Acknowledgements, Sequence, Span } from './credential-slot.ts';
import type { SeededRandom } from './seeded-random.ts';

export type Kind = 'plain' | 'stream' | 'slow' | 'leaving' | 'failing' | 'cut' | 'silent';

/** One request through the gateway, and how it went as far as its client knows. */
export interface Sent extends Span {
  /** Unique; its end user and its request id. */
  readonly marker: string;
  readonly tenant: string;
  readonly service: string;
  readonly kind: Kind;
  /** `answered`: whole. `refused`: by us. `failed`: with the provider's own error. `unknown`: no end was seen. */
  readonly end: 'answered' | 'refused' | 'failed' | 'unknown';
  readonly status: number | null;
  /** Served with what was known beyond its time (`x-keyhold-stale`). */
  readonly stale: boolean;
  /** As the answer tells them. */
  readonly tokens: { readonly input: number; readonly output: number } | null;
  /** What a refusal says; null for everything else. */
  readonly said: string | null;
}

export interface UsageEvent {
  readonly id: string;
  readonly service: string;
  readonly outcome: 'completed' | 'aborted' | 'failed';
  readonly attempts: number;
  readonly estimated: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly endUser: string | null;
}

const MODELS: Readonly<Record<Kind, string>> = {
  plain: 'local',
  stream: 'local',
  slow: 'slow-local',
  leaving: 'endless-local',
  failing: 'error-500',
  cut: 'cut-midstream',
  silent: 'silent-local',
};

const kinds: readonly (readonly [Kind, number])[] = [['plain', 8], ['stream', 8], ['slow', 2], ['leaving', 2], ['failing', 1], ['cut', 1], ['silent', 1]];

/** Everything that was asked of the gateway, by the keys of some tenants. */
export class GatewayTraffic {
  readonly sent: Sent[] = [];
  readonly #provider: ProviderServer;
  readonly #sequence: Pick<Sequence, 'next'>;
  readonly #gatewayKeys: ReadonlyMap<string, string>;
  readonly #acknowledgements: Acknowledgements;
  readonly #arrived = new Map<string, RecordedRequest[]>();
  #looked = 0;
  #count = 0;

  constructor(provider: ProviderServer, sequence: Pick<Sequence, 'next'>, gatewayKeys: ReadonlyMap<string, string>, acknowledgements: Acknowledgements) {
    this.#provider = provider;
    this.#sequence = sequence;
    this.#gatewayKeys = gatewayKeys;
    this.#acknowledgements = acknowledgements;
  }

  /** Sends one request after another until the server is gone. */
  async askUntilCut(url: string, places: readonly Pick<Sent, 'tenant' | 'service'>[], random: SeededRandom, gone: AbortSignal): Promise<void> {
    while (!gone.aborted) {
      const place = random.choose(places.map((candidate) => [candidate, 1]));
      await this.ask(url, place, random.choose(kinds), gone);
      await sleep(random.below(15));
    }
  }

  async ask(url: string, { tenant, service }: Pick<Sent, 'tenant' | 'service'>, kind: Kind, gone: AbortSignal): Promise<Sent> {
    this.#count += 1;
    const marker = `request-${this.#count}`;
    const from = this.#sequence.next();
    const how = await this.#exchange(url, { marker, tenant, service, kind }, gone);
    const sent: Sent = { marker, tenant, service, kind, from, to: this.#sequence.next(), ...how };
    this.sent.push(sent);
    if (sent.end === 'answered') this.#acknowledgements.note();
    return sent;
  }

  /** What the provider got of it. */
  arrivals({ marker }: Pick<Sent, 'marker'>): readonly RecordedRequest[] {
    const { requests } = this.#provider;
    for (const request of requests.slice(this.#looked)) {
      const { user, metadata } = JSON.parse(request.body.toString()) as { readonly user?: string; readonly metadata?: { readonly user_id?: string } };
      const found = user ?? metadata?.user_id ?? '';
      this.#arrived.set(found, [...(this.#arrived.get(found) ?? []), request]);
    }
    this.#looked = requests.length;
    return this.#arrived.get(marker) ?? [];
  }

  async #exchange(url: string, request: Pick<Sent, 'marker' | 'tenant' | 'service' | 'kind'>, gone: AbortSignal): Promise<Pick<Sent, 'end' | 'status' | 'stale' | 'tokens' | 'said'>> {
    const { marker, tenant, service, kind } = request;
    const isAnthropic = service === 'anthropic';
    const stream = kind !== 'plain' && kind !== 'failing' && kind !== 'silent';
    const messages = [{ role: 'user', content: 'Hello' }];
    const body = isAnthropic
      ? { model: MODELS[kind], max_tokens: 100, messages, stream, metadata: { user_id: marker } }
      : { model: `${service}/${MODELS[kind]}`, messages, stream, user: marker, ...(stream && kind === 'slow' ? { stream_options: { include_usage: true } } : {}) };
    const leave = new AbortController();
    let status: number | null = null;
    let stale = false;
    let text = '';
    try {
      const response = await fetch(url + (isAnthropic ? '/anthropic/v1/messages' : '/v1/chat/completions'), {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#gatewayKeys.get(tenant) ?? ''}`, 'content-type': 'application/json', 'x-request-id': marker },
        body: JSON.stringify(body),
        signal: AbortSignal.any([gone, leave.signal]),
      });
      ({ status } = response);
      stale = response.headers.has('x-keyhold-stale');
      if (response.body === null) throw new Error('There is no body.');
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (kind === 'leaving' && text.length > 200) leave.abort();
      }
      if (status === 200) return { end: stream && !isFinished(text) ? 'unknown' : 'answered', status, stale, tokens: tokensOf(text, stream), said: null };
      return response.headers.get('x-keyhold-error-origin') === 'upstream' ? { end: 'failed', status, stale, tokens: null, said: null } : { end: 'refused', status, stale, tokens: null, said: text };
    } catch {
      // The last event passes only when the request has been counted, so its arrival is the answer, whatever the connection does then.
      return { end: status === 200 && stream && isFinished(text) ? 'answered' : 'unknown', status, stale, tokens: null, said: null };
    }
  }
}

function isFinished(text: string): boolean {
  return text.includes('data: [DONE]\n\n') || (text.includes('event: message_stop\n') && text.endsWith('\n\n'));
}

function tokensOf(text: string, stream: boolean): Sent['tokens'] {
  const line = stream ? text.split('\n').findLast((candidate) => candidate.includes('"usage":{"prompt_tokens"'))?.replace('data: ', '') : text;
  if (line === undefined) return null;
  const { usage } = JSON.parse(line) as { readonly usage?: Readonly<Record<string, number>> };
  if (usage === undefined) return null;
  const cached = usage['cache_read_input_tokens'];
  if (cached !== undefined) return { input: (usage['input_tokens'] ?? 0) + cached, output: usage['output_tokens'] ?? 0 };
  return { input: usage['prompt_tokens'] ?? 0, output: usage['completion_tokens'] ?? 0 };
}

/** What is wrong with the events of these requests (R5.3), in words. */
export function usageProblems(traffic: GatewayTraffic, sent: readonly Sent[], events: readonly UsageEvent[]): readonly string[] {
  const byMarker = Map.groupBy(events, ({ endUser }) => endUser);
  const problems: string[] = [];
  const say = (what: string, about: unknown): number => problems.push(`${what}: ${JSON.stringify(about)}`);
  if (new Set(events.map(({ id }) => id)).size !== events.length) say('an event is there twice', events.length);
  for (const request of sent) {
    const { marker, service, kind, end, tokens } = request;
    const own = byMarker.get(marker) ?? [];
    const arrived = traffic.arrivals(request).length;
    const [event] = own;
    if (arrived > 1) say('the provider got it twice', request);
    if (own.length > 1) say('counted twice', { request, own });
    // The start is written before the provider is called: nothing that arrived there is lost.
    if (own.length === 0 && (arrived > 0 || end === 'answered' || end === 'failed')) say('not counted', { request, arrived });
    if (event === undefined) continue;
    // One whose key went out of use while the provider was at it is refused late (S10).
    if (end === 'refused' && (event.outcome !== 'aborted' || event.attempts === 0)) say('counted, and no provider was called', { request, own });
    if (event.service !== service) say('counted for another service', { request, event });
    if (end === 'answered' && (event.outcome !== 'completed' || (event.estimated && tokens !== null))) say('answered, and not counted as that', { request, event });
    if (end === 'failed' && event.outcome !== 'failed') say('failed, and not counted as that', { request, event });
    if (event.outcome === 'aborted' && !event.estimated) say('aborted, and not estimated', { request, event });
    if (kind === 'silent' && event.outcome !== 'aborted') say('never answered, and not aborted', { request, event });
    if (tokens !== null && (event.inputTokens !== tokens.input || event.outputTokens !== tokens.output)) say('counted with other tokens', { request, event });
  }
  return problems;
}
