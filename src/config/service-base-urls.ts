import type { Service } from '../core/catalog/service.ts';
import { InvalidValue } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import { SERVICE_BASE_URL_PREFIX } from './settings.ts';

/** `KEYHOLD_SERVICE_BASE_URL_AZURE_OPENAI` for `azure-openai` (R0.1). */
export function baseUrlVariable(serviceId: string): string {
  return SERVICE_BASE_URL_PREFIX + serviceId.toUpperCase().replaceAll('-', '_');
}

/** Whether a variable is one of them, of a service or of none. */
export function isBaseUrlVariable(name: string): boolean {
  return name.startsWith(SERVICE_BASE_URL_PREFIX);
}

/**
 * A service's base URL, without a slash at its end (S4). Throws `InvalidValue`; the address is never quoted, since it may hold
 * credentials.
 */
export function serviceBaseUrl(text: string, allowHttp: boolean): string {
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue('holds spaces, control characters or letters outside ASCII');
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new InvalidValue('is not an https:// address');
  if (url.username !== '' || url.password !== '' || /^[a-z]+:[/\\]*[^/\\?#]*@/iu.test(text)) {
    throw new InvalidValue('holds a user name or a password; hand the key over as a credential instead');
  }
  if (text.includes('?') || text.includes('#')) throw new InvalidValue('has a query or a fragment (? or #); only host and path are taken');
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowHttp) {
    throw new InvalidValue('is http outside this machine, so keys would travel unencrypted; use https, or set KEYHOLD_ALLOW_HTTP_UPSTREAM=true');
  }
  return url.href.replace(/\/+$/u, '');
}

/** Where a running Keyhold is reached. Throws `InvalidValue`. */
export function keyholdUrl(text: string): string {
  const url = serviceBaseUrl(text, true);
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !isLoopback(hostname)) throw new InvalidValue('is http outside this machine, so the token would travel unencrypted; use https');
  return url;
}

/** The services that have a base URL: those the gateway calls. */
export function gatewayServiceIds(services: readonly Pick<Service, 'id' | 'gateway'>[]): readonly string[] {
  return services.filter(({ gateway }) => gateway !== null).map(({ id }) => id);
}
