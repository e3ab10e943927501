import legacy from '../vectors/legacy/legacy-values.json' with { type: 'json' };
import fernet from '../vectors/legacy/multi-fernet.json' with { type: 'json' };

/** The settings that open the vectors with AES-256-GCM, scrypt and hex, and the Fernet tokens, as Keyhold's variables. */
export const legacyEnvironment: Readonly<Record<string, string>> = { KEYHOLD_LEGACY_KEY: legacy.passphrase, KEYHOLD_FERNET_KEYS: fernet.keys.join(',') };
