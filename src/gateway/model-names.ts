import type { ApiEndpoint } from '../core/catalog/service.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import type { Outgoing } from './call-provider.ts';

type Settings = Resolved['settings'];

/** The provider's own name of a model: what the credential's settings have for it, or the same. */
export function providerName(endpoint: ApiEndpoint, settings: Settings, model: string): string {
  const names = namesIn(endpoint, settings);
  return names !== undefined && Object.hasOwn(names, model) ? (names[model] ?? model) : model;
}

/**
 * The request as the credential's own names have it. It is billed, and bounded, as the models that have been said to run under a name: who asks for a deployment by
 * its own name evades neither the price nor the budgets of its model (S8).
 */
export function underItsNames(outgoing: Outgoing, endpoint: ApiEndpoint, settings: Settings): Outgoing {
  const names = namesIn(endpoint, settings);
  if (names === undefined) return outgoing;
  const { model, models, renamed } = outgoing;
  const known = new Set(models.flatMap((name) => modelsBehind(names, name)));
  const sent = model === null ? null : providerName(endpoint, settings, model);
  return {
    ...outgoing,
    models: [...new Set([...models, ...known, ...models.map((name) => providerName(endpoint, settings, name))])],
    billedAs: [...known],
    path: sent === null || sent === model || renamed === undefined ? outgoing.path : renamed(sent),
  };
}

/** A model that has a name of its own there is itself; behind such a name, in any case, stands every model that has it: who runs it may not tell the two apart. */
function modelsBehind(names: Readonly<Record<string, string>>, name: string): readonly string[] {
  if (Object.hasOwn(names, name)) return [name];
  const folded = name.toLowerCase();
  const behind = Object.keys(names).filter((model) => names[model]?.toLowerCase() === folded);
  return behind.length === 0 ? [name] : behind;
}

function namesIn({ modelNames }: ApiEndpoint, settings: Settings): Readonly<Record<string, string>> | undefined {
  const names = modelNames === undefined ? undefined : settings[modelNames];
  return typeof names === 'object' ? names : undefined;
}
