import { KeyholdError } from '../../ports/errors.ts';
import type { FieldHint } from '../../ports/metadata/credentials.ts';
import { type SecretFields, SecretValue } from '../../ports/secret-value.ts';
import type { FieldSpec, Service } from '../catalog/service.ts';
import { secretHint } from '../crypto/secret-hint.ts';
import { valueProblem } from './value-text.ts';

/** What Azure Key Vault takes as one secret's value (R1.4), the least of all stores: a credential can move to any of them. */
const MAX_BYTES = 25 * 1024;

export interface HandedOver {
  readonly fields: SecretFields;
  readonly hints: readonly FieldHint[];
  /** Sentences about values that look unusual; the credential is taken all the same (S5). */
  readonly warnings: readonly string[];
}

interface Problem {
  readonly field: string;
  readonly problem: string;
}

/**
 * Checks the secret fields of a hand-over against the catalogue (S5, R3.1). Throws `invalid_argument` that names every field and
 * what to do about it, and never quotes a value.
 */
export function handOver(service: Service, given: Readonly<Record<string, string>>): HandedOver {
  const problems = [...unknownFields(service, given), ...service.fields.flatMap((spec) => fieldProblems(spec, given))];
  if (problems.length === 0 && storedBytes(given) > MAX_BYTES) {
    problems.push({ field: longestField(given), problem: `makes the secret longer than ${MAX_BYTES} bytes, the most that every store keeps as one` });
  }
  if (problems.length > 0) {
    const known = service.fields.map(({ name }) => name);
    // A name that is not ours is quoted, since anything can stand in it; in `details` it is the name alone, for programs.
    const sentence = problems.map(({ field, problem }) => `${known.includes(field) ? field : JSON.stringify(field)} ${problem}`).join('; ');
    throw new KeyholdError('invalid_argument', `The credential for ${service.id} was not stored: ${sentence}.`, { details: { fields: problems } });
  }
  const present = service.fields.filter(({ name }) => Object.hasOwn(given, name));
  const fields = Object.fromEntries(present.map(({ name }) => [name, new SecretValue(given[name] ?? '')]));
  return {
    fields,
    hints: present.map(({ name }) => ({ name, hint: secretHint(given[name] ?? '') })),
    warnings: present.flatMap((spec) => formatWarning(service, spec, given[spec.name] ?? '')),
  };
}

function unknownFields(service: Service, given: Readonly<Record<string, string>>): Problem[] {
  const known = service.fields.map(({ name }) => name);
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: name.slice(0, 64).toWellFormed(), problem: `is not a field of ${service.id}, whose fields are ${known.join(', ')}` }));
}

function fieldProblems({ name, required }: FieldSpec, given: Readonly<Record<string, string>>): Problem[] {
  if (!Object.hasOwn(given, name)) return required ? [{ field: name, problem: 'is missing' }] : [];
  const problem = valueProblem(given[name]);
  return problem === undefined ? [] : [{ field: name, problem }];
}

function formatWarning(service: Service, { name, format }: FieldSpec, value: string): string[] {
  if (format === undefined || new RegExp(format).test(value)) return [];
  return [`${name} does not look like what ${service.name} usually gives out. It was stored as it is; check that it was copied whole and belongs to ${service.name}.`];
}

function longestField(given: Readonly<Record<string, string>>): string {
  const [[name] = ['']] = Object.entries(given).toSorted(([, one], [, other]) => other.length - one.length);
  return name;
}

/** A single field is kept bare, several as one JSON object (R1.2). */
function storedBytes(given: Readonly<Record<string, string>>): number {
  const values = Object.values(given);
  return Buffer.byteLength(values.length === 1 ? (values[0] ?? '') : JSON.stringify(given));
}
