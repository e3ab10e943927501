import type { Proxy, ProxyRules } from '../egress/proxies.ts';
import type { Reader } from './reader.ts';
import { settings, type Setting } from './settings.ts';

/** Which proxies there are; null: none. One that is used without a list of hosts is a problem, which the reader then knows (S33). */
export function proxyConfig(reader: Reader): ProxyRules | null {
  const all = inEitherCase(reader, settings.allProxy);
  const https = inEitherCase(reader, settings.httpsProxy) ?? all;
  const http = inEitherCase(reader, settings.httpProxy) ?? all;
  const direct = inEitherCase(reader, settings.noProxy);
  const allowHosts = reader.read(settings.proxyAllowHosts);
  if ((https ?? http) === null || direct.includes('*')) return null;
  if (!reader.isSet(settings.proxyAllowHosts)) {
    reader.problems.push('HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) is set, and a proxy looks names up where Keyhold cannot see which address it takes. Say which of the hosts that providers, tenants and identity providers name may be reached through it: KEYHOLD_PROXY_ALLOW_HOSTS=api.openai.com,api.anthropic.com. Where nothing is to go through it, set NO_PROXY=*');
  }
  return Object.freeze({ https, http, direct, allowHosts });
}

/** Programs have read these in lower case before they did in upper case. */
function inEitherCase<T extends Proxy | readonly string[] | null>(reader: Reader, setting: Setting<T>): T {
  const lower = { ...setting, name: setting.name.toLowerCase(), fileForm: false };
  return !reader.isSet(setting) && reader.isSet(lower) ? reader.read(lower) : reader.read(setting);
}
