import { parseWitnessKey, type WitnessKey } from '../core/audit/notes/witness-key.ts';
import { InvalidValue } from './invalid-value.ts';
import type { Setting } from './settings.ts';

const auditWitnessUrl: Setting<string> = {
  name: 'KEYHOLD_AUDIT_WITNESS_URL',
  secret: false,
  description: [
    'A witness that signs the heads of the audit log, too, if they go on from all that it has seen: its submission prefix',
    '(https://c2sp.org/tlog-witness). https, or http on this machine. Needs KEYHOLD_AUDIT_WITNESS_KEY.',
  ],
  example: 'https://witness.example.com',
  fallback: '',
  fallbackText: '',
  parse: (text) => text,
};

const auditWitnessKey: Setting<WitnessKey | null> = {
  name: 'KEYHOLD_AUDIT_WITNESS_KEY',
  secret: false,
  description: ['The public key of that witness as it publishes it, for Ed25519: <name>+<key id>+<base64>.'],
  example: 'witness.example.com/w1+969980cf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X',
  fallback: null,
  fallbackText: '',
  parse: witnessKey,
};

export const auditWitnessSettings = { auditWitnessUrl, auditWitnessKey } as const;

function witnessKey(text: string): WitnessKey {
  const key = parseWitnessKey(text);
  if (key === undefined) throw new InvalidValue('is not the public key of a witness as it publishes it: <name>+<key id>+<base64>, of an Ed25519 key, whose parts belong together');
  return key;
}
