import type { Config } from './config/config.ts';
import { Egress } from './egress/egress.ts';
import { Proxies } from './egress/proxies.ts';

/** The way out, as an operator has set it (S33). */
export function egressOf({ egressAllowHosts, proxies }: Pick<Config, 'egressAllowHosts' | 'proxies'>): Egress {
  return new Egress({ allowHosts: egressAllowHosts, proxies: new Proxies(proxies) });
}
