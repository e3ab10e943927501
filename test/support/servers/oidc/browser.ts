/** An answer, and where it came from. */
export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const MOST_STEPS = 20;

/** As much of a browser as signing in needs: cookies by host, redirects, and forms that are sent as they stand. Ports share cookies, as in browsers. */
export class Browser {
  /** By host, and by name in it. */
  readonly #jar = new Map<string, Map<string, string>>();

  /** One request; no redirect is followed. */
  async open(url: string, form?: Readonly<Record<string, string>>): Promise<Visited> {
    const { hostname } = new URL(url);
    const jar = this.#jar.get(hostname) ?? new Map<string, string>();
    this.#jar.set(hostname, jar);
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) keep(jar, line);
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Follows redirects and sends forms, until `isThere` says so of an address, which is then not asked, or a page has neither. */
  async follow(start: string, isThere: (url: string) => boolean = () => false): Promise<Visited> {
    let page = await this.open(start);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const location = page.headers.get('location');
      const action = /<form[^>]*action="([^"]+)"/u.exec(page.text)?.[1];
      if (location === null && action === undefined) return page;
      const next = new URL(location ?? action ?? '', page.url).href;
      if (isThere(next)) return { ...page, url: next };
      page = location === null ? await this.open(next, fieldsOf(page.text)) : await this.open(next);
    }
    throw new Error(`Signing in goes round in circles at ${page.url}.`);
  }

  cookie(host: string, name: string): string | undefined {
    return this.#jar.get(host)?.get(name);
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
  const isOver = value === '' || /;\s*max-age=0/iu.test(line) || /;\s*expires=Thu, 01 Jan 1970/iu.test(line);
  if (isOver) jar.delete(name);
  else jar.set(name, value);
}

function fieldsOf(page: string): Record<string, string> {
  return Object.fromEntries([...page.matchAll(/<(?:input|button)[^>]*name="([^"]+)"[^>]*value="([^"]*)"/gu)].map(([, name = '', value = '']) => [name, value]));
}
