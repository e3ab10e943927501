/** What the official libraries throw, as far as we look at it. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly response?: unknown;
  readonly errorResponse?: unknown;
  readonly errors?: unknown;
}

export function isThrown(error: unknown): error is Thrown {
  return error instanceof Error;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
