import type { Service } from '../core/catalog/service.ts';
import type { Proxy, ProxyRules } from '../egress/proxies.ts';
import type { Reader } from './reader.ts';
import { settings, type Setting } from './settings.ts';

/**
 * Which proxies there are; null: none. What may be reached through them by names that an operator has not set is listed (S33): the hosts that are compiled in,
 * and those of the setting.
 */
export function proxyConfig(reader: Reader, services: readonly Pick<Service, 'gateway'>[]): ProxyRules | null {
  const all = inEitherCase(reader, settings.allProxy);
  const https = inEitherCase(reader, settings.httpsProxy) ?? all;
  const http = inEitherCase(reader, settings.httpProxy) ?? all;
  const direct = inEitherCase(reader, settings.noProxy);
  const allowHosts = reader.read(settings.proxyAllowHosts);
  if ((https ?? http) === null || direct.includes('*')) return null;
  return Object.freeze({ https, http, direct, allowHosts: [...new Set([...hostsOf(services), ...allowHosts])] });
}

/** Those that the catalogue itself names. */
function hostsOf(services: readonly Pick<Service, 'gateway'>[]): readonly string[] {
  return services.flatMap(({ gateway }) => Object.values(gateway?.endpoints ?? {}).flatMap(({ baseUrl }) => (typeof baseUrl === 'string' ? [new URL(baseUrl).hostname] : [])));
}

/** Programs have read these in lower case before they did in upper case. */
function inEitherCase<T extends Proxy | readonly string[] | null>(reader: Reader, setting: Setting<T>): T {
  const lower = { ...setting, name: setting.name.toLowerCase(), fileForm: false };
  return !reader.isSet(setting) && reader.isSet(lower) ? reader.read(lower) : reader.read(setting);
}
