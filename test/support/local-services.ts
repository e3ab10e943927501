import type { ProviderServer } from './servers/provider-server.ts';

/** Settings that send each of these services to one server on this machine, on a path of its own. */
export function localServices({ url }: Pick<ProviderServer, 'url'>, services: readonly string[]): Record<string, string> {
  return Object.fromEntries(services.map((service) => [`KEYHOLD_SERVICE_BASE_URL_${service.toUpperCase()}`, service === 'anthropic' ? `${url}/anthropic` : `${url}/${service}/v1`]));
}
