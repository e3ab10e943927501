import type { WitnessKey } from '../core/audit/notes/witness-key.ts';
import type { Reader } from './reader.ts';
import { InvalidValue } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import { serviceBaseUrl } from './service-base-urls.ts';
import { settings } from './settings.ts';

/** Who signs the audit log's heads, too. */
export interface AuditWitnessConfig {
  /** Without a slash at the end. */
  readonly url: string;
  readonly key: WitnessKey;
}

/** The witness, if one is set; with only one of its two settings that is a problem. */
export function auditWitnessConfig(reader: Reader): AuditWitnessConfig | null {
  const url = reader.read({ ...settings.auditWitnessUrl, parse: witnessUrl });
  const key = reader.read(settings.auditWitnessKey);
  if (reader.isSet(settings.auditWitnessUrl) !== reader.isSet(settings.auditWitnessKey)) {
    reader.problems.push('KEYHOLD_AUDIT_WITNESS_URL and KEYHOLD_AUDIT_WITNESS_KEY belong together: a witness is known by where it is and by its public key. Set both, or neither.');
  }
  return url === '' || key === null ? null : Object.freeze({ url, key });
}

function witnessUrl(text: string): string {
  const url = serviceBaseUrl(text, true);
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !isLoopback(hostname)) throw new InvalidValue('is http outside this machine, so anybody on the way could keep heads from the witness; use https');
  return url;
}
