import { KeyholdError } from '../../ports/errors.ts';
import type { ApiFormat, BodyRules, Service } from './service.ts';

/** The services Keyhold knows, looked up by id. */
export class Catalog {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #speaking: Readonly<Record<ApiFormat, readonly Service[]>>;

  constructor(services: readonly Service[]) {
    this.#services = new Map(services.map((service) => [service.id, service]));
    const speaking = (format: ApiFormat): readonly Service[] => this.list().filter(({ gateway }) => gateway?.endpoints[format] !== undefined);
    this.#speaking = { openai: speaking('openai'), anthropic: speaking('anthropic'), azure: speaking('azure') };
  }

  find(id: string): Service | undefined {
    return this.#services.get(id);
  }

  /** The service, or `not_found` that names it. */
  get(id: string): Service {
    const service = this.#services.get(id);
    if (service === undefined) {
      throw new KeyholdError('not_found', `There is no service ${JSON.stringify(id.slice(0, 64))}. GET /api/v1/services lists those there are.`);
    }
    return service;
  }

  list(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** Those that the gateway calls in this format. */
  speaking(format: ApiFormat): readonly Service[] {
    return this.#speaking[format];
  }

  /** What is looked for in a body of this format before it is known which service it goes to: everything that any of them runs or refers to. */
  bodyRules(format: ApiFormat): BodyRules {
    const rules = this.list().flatMap((service) => service.gateway?.endpoints[format]?.body ?? []);
    const all = (pick: (one: BodyRules) => readonly string[]): string[] => [...new Set(rules.flatMap(pick))];
    return {
      modelKeys: all((one) => one.modelKeys),
      referenceKeys: all((one) => one.referenceKeys),
      wholeReferenceKeys: all((one) => one.wholeReferenceKeys ?? []),
      referenceTypes: all((one) => one.referenceTypes),
      bareIdKeys: all((one) => one.bareIdKeys),
      freeFormKeys: all((one) => one.freeFormKeys),
    };
  }
}

/** AI services are offered from the platform by default and open to a gateway key without `services` (R0.2, S2). */
export function isAiService(service: Service): boolean {
  return service.category === 'AI/LLM';
}
