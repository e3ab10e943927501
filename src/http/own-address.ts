import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { KeyholdError } from '../ports/errors.ts';

export interface OwnAddressOptions {
  /** The origin that browsers know Keyhold by; null: not said. */
  readonly publicUrl: string | null;
  /** Other names, in small letters. */
  readonly knownHosts: readonly string[];
}

/** A request to a name that is none of Keyhold's: answered with 421 (RFC 9110, section 15.5.20). */
export class MisdirectedRequest extends KeyholdError {
  constructor() {
    super('invalid_argument', 'Keyhold is not known by the name that this request calls it by (its Host header). Call it by KEYHOLD_PUBLIC_URL, or have the operator set that, or add the name to KEYHOLD_KNOWN_HOSTS.');
  }
}

/** A host, and perhaps a port. */
const HOST = /^(?<name>\[[\da-f:.]+\]|[\da-z.-]+)(?::\d{1,5})?$/u;
const FROM_HERE = new Set(['same-origin', 'none']);

/**
 * What Keyhold is called (S24). By an unknown name comes whoever has made their own name lead to this address, so that a page of theirs counts as one from here
 * (DNS rebinding). Nobody can do that with an IP address, nor with this machine's own names.
 */
export class OwnAddress {
  readonly #publicUrl: string | null;
  readonly #names: ReadonlySet<string>;

  constructor({ publicUrl, knownHosts }: OwnAddressOptions) {
    this.#publicUrl = publicUrl;
    this.#names = new Set(publicUrl === null ? knownHosts : [new URL(publicUrl).hostname, ...knownHosts]);
  }

  /** Throws `MisdirectedRequest` for a Host header that says an unknown name. HTTP/1.0 needs to say none, and no browser speaks that. */
  requireKnownHost({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): void {
    for (const host of valuesOf(rawHeaders, 'host')) {
      const name = nameIn(host);
      if (name === undefined || !(this.#names.has(name) || isOfThisMachine(name) || isIP(bare(name)) !== 0)) throw new MisdirectedRequest();
    }
  }

  /**
   * Whether a page of Keyhold's own has sent this. Throws `permission_denied` for another site's, as far as the browser tells, and, where it has to tell, for a request
   * without `Origin`. Without KEYHOLD_PUBLIC_URL only this machine's own names have pages.
   */
  requireOwnPage({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, { mustTell }: { readonly mustTell: boolean }): void {
    const origins = valuesOf(rawHeaders, 'origin');
    const [origin] = origins;
    const fromElsewhere = valuesOf(rawHeaders, 'sec-fetch-site').some((site) => !FROM_HERE.has(site));
    if (!fromElsewhere && (origin === undefined ? !mustTell : origins.length === 1 && this.#isOwn(origin, valuesOf(rawHeaders, 'host')[0] ?? ''))) return;
    const own = this.#publicUrl === null ? 'this machine: set KEYHOLD_PUBLIC_URL to the address that browsers use' : this.#publicUrl;
    throw new KeyholdError('permission_denied', `A browser's session is used from Keyhold's own pages alone, and their Origin is that of ${own}. Programs send an API token instead.`);
  }

  #isOwn(origin: string, host: string): boolean {
    if (this.#publicUrl !== null) return origin === this.#publicUrl;
    return isOfThisMachine(nameIn(host) ?? '') && [`http://${host}`, `https://${host}`].includes(origin);
  }
}

/** In small letters. */
function valuesOf(rawHeaders: readonly string[], header: string): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === header).map((value) => value.toLowerCase());
}

function nameIn(host: string): string | undefined {
  return HOST.exec(host)?.groups?.['name'];
}

function bare(name: string): string {
  return name.startsWith('[') ? name.slice(1, -1) : name;
}

function isOfThisMachine(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || (isIP(name) === 4 && name.startsWith('127.'));
}
