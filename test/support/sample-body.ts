import type { GuardedRoute } from '../../src/http/route.ts';

export type AnySchema = { readonly type?: string | readonly string[]; readonly enum?: readonly unknown[]; readonly anyOf?: unknown; readonly pattern?: string };

export function propertiesOf(route: { readonly schema: { readonly body?: object | undefined } }): Record<string, AnySchema> {
  const body: { readonly properties?: Record<string, AnySchema> } | undefined = route.schema.body;
  return { ...body?.properties };
}

export function requiredOf(route: GuardedRoute): readonly string[] {
  const body: { readonly required?: readonly string[] } | undefined = route.schema.body;
  return body?.required ?? [];
}

/** A body that the route's schema takes: what it requires, each of the right type. */
export function sampleBody(route: GuardedRoute): Record<string, unknown> {
  const properties = propertiesOf(route);
  return Object.fromEntries(requiredOf(route).map((name) => [name, sample(properties[name] ?? {})]));
}

/** A value of the right type. */
function sample({ type, enum: values }: AnySchema): unknown {
  if (values !== undefined) return values[0];
  if (type === 'array') return [];
  return type === 'object' ? { api_key: 'sk-test-key-1234567890' } : 'sample';
}
