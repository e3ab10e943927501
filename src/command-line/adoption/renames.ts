import { StartError } from '../../ports/start-error.ts';
import type { Renames } from './plan-documents.ts';

/** What `--tenant old=new` and `--service old=new` say. Throws `StartError` (2). */
export function renamesIn({ tenant, service }: { readonly tenant: readonly string[]; readonly service: readonly string[] }): Renames {
  return { tenants: pairs('--tenant', tenant), services: pairs('--service', service) };
}

/** The last `=` divides, since ids here have none. */
function pairs(option: string, texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf('=');
      if (at < 1 || at === text.length - 1) throw new StartError(2, `${option} takes <its name>=<the name here>, for example ${option} 'ACME Inc'=acme.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
