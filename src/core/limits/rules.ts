import type { Limits, RateLimits, WindowLimit } from '../../ports/metadata/limits.ts';

/** Whose limit it is, for people. */
export type LimitOwner = 'this gateway key' | 'the tenant' | 'the platform';

/** One number that holds, as it is counted. */
export interface LimitRule {
  /** What is counted; the same for all processes, and for no other limit. */
  readonly key: string;
  readonly kind: 'requests' | 'tokens' | 'concurrent';
  readonly max: number;
  /** null: not in windows. */
  readonly per: WindowLimit['per'] | null;
  readonly owner: LimitOwner;
  /** null: for all services together. */
  readonly service: string | null;
}

/** The length of each window in milliseconds. A day is one of UTC. */
export const windowMs = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const satisfies Record<WindowLimit['per'], number>;

const none: readonly LimitRule[] = [];

/** Limits, laid out so that a request finds what holds for its service without looking for it. */
export class LimitRules {
  readonly #forAll: readonly LimitRule[];
  readonly #byService: ReadonlyMap<string, readonly LimitRule[]>;

  /** `name`: names whose they are, and nobody else's. */
  constructor(limits: Limits, name: string, owner: LimitOwner) {
    this.#forAll = rulesOf(limits, name, owner, null);
    this.#byService = new Map(Object.entries(limits.services).map(([service, rates]) => [service, [...this.#forAll, ...rulesOf(rates, `${name}/${service}`, owner, service)]]));
  }

  of(service: string): readonly LimitRule[] {
    return this.#byService.get(service) ?? this.#forAll;
  }
}

function rulesOf({ requests, tokens, concurrent }: RateLimits, name: string, owner: LimitOwner, service: string | null): readonly LimitRule[] {
  const windowed = (kind: 'requests' | 'tokens', windows: readonly WindowLimit[]) => windows.map(({ max, per }): LimitRule => ({ key: `${name}#${kind}/${per}`, kind, max, per, owner, service }));
  const open: readonly LimitRule[] = concurrent === null ? none : [{ key: `${name}#concurrent`, kind: 'concurrent', max: concurrent, per: null, owner, service }];
  return [...windowed('requests', requests), ...windowed('tokens', tokens), ...open];
}
