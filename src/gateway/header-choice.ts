import type { GatewaySpec } from '../core/catalog/service.ts';

/** Whether a header travels: never, always, or only with a credential that is not shared. */
type Choice = 'drop' | 'pass' | 'own';

interface Decided {
  /** Lower case. */
  readonly name: string;
  readonly choice: Choice;
}

/** Spellings that are remembered per service; clients use a handful. */
const MAX_REMEMBERED = 512;

/** Decides by allow-list which headers of one service travel in one direction (S7), and remembers its decisions by exact spelling. */
class HeaderChoice {
  readonly #exact: ReadonlyMap<string, Choice>;
  readonly #starts: readonly (readonly [start: string, choice: Choice])[];
  readonly #decided = new Map<string, Decided>();

  constructor(pass: readonly string[], own: readonly string[]) {
    const all = [...pass.map((pattern) => [pattern, 'pass'] as const), ...own.map((pattern) => [pattern, 'own'] as const)];
    this.#exact = new Map(all.filter(([pattern]) => !pattern.endsWith('*')));
    this.#starts = all.filter(([pattern]) => pattern.endsWith('*')).map(([pattern, choice]) => [pattern.slice(0, -1), choice]);
  }

  of(spelling: string): Decided {
    const known = this.#decided.get(spelling);
    if (known !== undefined) return known;
    const name = spelling.toLowerCase();
    const choice = this.#exact.get(name) ?? this.#starts.find(([start]) => name.startsWith(start))?.[1] ?? 'drop';
    const decided = { name, choice };
    if (this.#decided.size < MAX_REMEMBERED) this.#decided.set(spelling, decided);
    return decided;
  }
}

/** One service's headers in both directions. */
export class HeaderRules {
  readonly #request: HeaderChoice;
  readonly #response: HeaderChoice;
  readonly requestIdHeader: string | null;

  constructor(spec: GatewaySpec) {
    this.#request = new HeaderChoice(spec.requestHeaders, spec.accountHeaders);
    this.#response = new HeaderChoice(spec.responseHeaders, spec.accountResponseHeaders);
    this.requestIdHeader = spec.requestIdHeader;
  }

  /** Adds the caller's headers that pass to a flat list, lower case. `shared`: the credential is the platform's (S1). */
  addRequestHeaders(to: string[], rawHeaders: readonly string[], shared: boolean): void {
    addChosen(to, rawHeaders, this.#request, shared);
  }

  /** Adds the upstream's headers that pass to a flat list. */
  addResponseHeaders(to: string[], headers: readonly string[], shared: boolean): void {
    addChosen(to, headers, this.#response, shared);
  }
}

function addChosen(to: string[], headers: readonly string[], choices: HeaderChoice, shared: boolean): void {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const { name, choice } = choices.of(headers[at] ?? '');
    if (choice === 'pass' || (choice === 'own' && !shared)) to.push(name, headers[at + 1] ?? '');
  }
}
