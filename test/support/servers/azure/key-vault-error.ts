import type { AnswerHeaders } from './listener.ts';

/** A refusal in the shape of Key Vault's REST API: `{"error":{"code","message","innererror":{"code"}}}`. */
export class KeyVaultError extends Error {
  readonly status: number;
  readonly code: string;
  readonly inner: string | undefined;
  readonly headers: AnswerHeaders;

  constructor(status: number, code: string, message: string, inner?: string, headers: AnswerHeaders = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.inner = inner;
    this.headers = headers;
  }

  get body(): object {
    return { error: { code: this.code, message: this.message, ...(this.inner === undefined ? {} : { innererror: { code: this.inner } }) } };
  }
}

export function badParameter(message: string): KeyVaultError {
  return new KeyVaultError(400, 'BadParameter', message);
}
