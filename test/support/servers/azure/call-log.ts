/** One request that arrived. Names and statuses, never a value, a token or a client's secret. */
export interface AzureCall {
  /** Milliseconds since 1970, at arrival, by the real clock. */
  readonly at: number;
  /** The vault's name, `authority`, or `managed-identity`. */
  readonly where: string;
  /** `secrets.get`, `keys.wrapKey`, `token` …, as in the routes of each server. `unknown` for anything else. */
  readonly operation: string;
  /** Of the secret or key, as the client wrote it. */
  readonly name?: string;
  readonly version?: string;
  /** False while a client asks a vault for its challenge, before it has a token. */
  readonly authenticated: boolean;
  /** Undefined until it is answered, and for ever when the connection broke before. */
  readonly status?: number;
  /** The refusal's inner code, else its code. */
  readonly error?: string;
  /** The client id that the token was issued to. */
  readonly clientId?: string;
}

/** Where an answer is written down when it is known. */
export type OpenCall = { -readonly [Field in keyof AzureCall]: AzureCall[Field] };

export class CallLog {
  #calls: OpenCall[] = [];

  open(call: OpenCall): OpenCall {
    this.#calls.push(call);
    return call;
  }

  /** Oldest first. */
  find(matches: Partial<AzureCall> = {}): AzureCall[] {
    const wanted = Object.entries(matches);
    return this.#calls.filter((call) => wanted.every(([field, value]) => Object.entries(call).some(([has, of]) => has === field && of === value))).map((call) => ({ ...call }));
  }

  forget(): void {
    this.#calls = [];
  }
}
