import { KeyholdError } from '../../ports/errors.ts';
import type { SecretFields, SecretValue } from '../../ports/secret-value.ts';
import type { Service } from '../catalog/service.ts';
import { valueProblem } from '../credentials/value-text.ts';

/**
 * The caller's own key for this one request (R0.4), under the service's field. Throws `invalid_argument` for a value that could not be
 * stored either (S5), `unsupported` where a service needs more than one key.
 */
export function explicitFields(service: Service, key: SecretValue): SecretFields {
  const [field, ...others] = service.fields.filter(({ required }) => required);
  const setting = service.settings.find(({ required }) => required);
  // Nobody says where a key is sent but together with the key, to be kept (S3).
  if (setting !== undefined) throw new KeyholdError('unsupported', `A key for ${service.name} goes with its ${setting.name}, which a request cannot bring along. Store both as a credential instead.`);
  if (field === undefined || others.length > 0) {
    throw new KeyholdError('unsupported', `${service.name} needs more than one key, which a request cannot bring along. Store them as a credential instead.`);
  }
  const problem = valueProblem(key.reveal());
  if (problem !== undefined) throw new KeyholdError('invalid_argument', `The key in x-keyhold-api-key ${problem}.`);
  return { [field.name]: key };
}
