import type { FastifySchemaValidationError } from 'fastify';
import { KeyholdError } from '../ports/errors.ts';

/** JSON's types, as they follow "must be". */
const TYPES: Readonly<Record<string, string>> = { string: 'a string', integer: 'a whole number', number: 'a number', boolean: 'true or false', object: 'an object', array: 'an array', null: 'null' };

const PARTS: Readonly<Record<string, string>> = { body: 'The request body', querystring: 'The query', params: 'The path', headers: 'The headers' };

/** What fastify's validator reports, with the schema around the failure (ajv's `verbose`). */
type SchemaFailure = FastifySchemaValidationError & { readonly parentSchema?: { readonly properties?: object; readonly description?: string } };

/** Turns the first failure of a schema into an error that names the property and never its value, since values may be secrets. */
export function schemaRefusal(failures: readonly FastifySchemaValidationError[], part: string): KeyholdError {
  const failure = failureToTell(failures);
  const subject = PARTS[part] ?? 'The request';
  if (failure === undefined) return new KeyholdError('invalid_argument', `${subject} is not what this address takes.`);
  const at = failure.instancePath.slice(1).replaceAll('/', '.');
  const property = propertyOf(failure, at);
  const message = messageOf(failure, subject, at, property);
  return new KeyholdError('invalid_argument', message, property === '' ? {} : { details: { property } });
}

/** The first one; where none of several forms fits, what all of them are about and not how the first of them failed. */
function failureToTell(failures: readonly FastifySchemaValidationError[]): SchemaFailure | undefined {
  const last = failures.at(-1);
  return last?.keyword === 'anyOf' ? last : failures[0];
}

/** What fastify itself refuses before a route is reached; undefined when the error is not one of those. */
export function frameworkRefusal(code: string | undefined, status: number | undefined): KeyholdError | undefined {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new KeyholdError('invalid_argument', 'The header Content-Type cannot be read. Send Content-Type: application/json.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new KeyholdError('invalid_argument', 'The request body is not as long as its header Content-Length says.');
    case 'FST_ERR_BAD_URL':
      return new KeyholdError('invalid_argument', 'The address of the request cannot be decoded. Check its percent signs.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new KeyholdError('not_found', 'There is nothing at this address.');
    default:
      return status !== undefined && status >= 400 && status < 500 ? new KeyholdError('invalid_argument', 'The request cannot be read.') : undefined;
  }
}

function propertyOf(failure: SchemaFailure, at: string): string {
  const inner = failure.keyword === 'required' ? failure.params['missingProperty'] : failure.keyword === 'additionalProperties' ? failure.params['additionalProperty'] : undefined;
  if (typeof inner !== 'string') return cut(at);
  return cut(at === '' ? inner : `${at}.${inner}`);
}

function messageOf(failure: SchemaFailure, subject: string, at: string, property: string): string {
  if (failure.keyword === 'additionalProperties') {
    const known = Object.keys(failure.parentSchema?.properties ?? {});
    return `${subject} has a property ${JSON.stringify(property)} that is not known here. ${known.length === 0 ? 'None is expected.' : `Known are: ${known.join(', ')}.`}`;
  }
  if (failure.keyword === 'required') return `${subject} has no ${JSON.stringify(property)}, which is needed.`;
  const name = at === '' ? subject : `${subject}: ${JSON.stringify(property)}`;
  const description = failure.parentSchema?.description;
  if (failure.keyword === 'enum' && Array.isArray(failure.params['allowedValues'])) {
    const allowed = failure.params['allowedValues'].map((value) => JSON.stringify(value)).join(', ');
    return `${name} must be one of ${allowed}.`;
  }
  if (failure.keyword === 'type' && at === '') return `${subject} must be a JSON object.`;
  return `${name} ${ruleOf(failure)}.${description === undefined ? '' : ` It is: ${description}`}`;
}

function ruleOf({ keyword, params, message }: SchemaFailure): string {
  switch (keyword) {
    case 'pattern':
    case 'anyOf':
      return 'has a form that is not allowed';
    case 'type':
      return `must be ${String(params['type']).split(',').map((type) => TYPES[type] ?? type).join(' or ')}`;
    case 'maxLength':
      return `has more than ${String(params['limit'])} characters`;
    case 'maxItems':
      return `has more than ${String(params['limit'])} items`;
    default:
      return message ?? 'is not allowed';
  }
}

function cut(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80).toWellFormed()}…` : name;
}
