import { path } from './parsers.ts';
import type { Setting } from './settings.ts';

const oidcIssuersFile: Setting<string | null> = {
  name: 'KEYHOLD_OIDC_ISSUERS_FILE',
  secret: false,
  description: [
    'A JSON file that names the identity providers whose users may sign in, and how much they can be given (docs/sign-in.md). Hosts of a private network',
    'have to be in KEYHOLD_EGRESS_ALLOW_HOSTS, too. Read at the start.',
  ],
  example: '/etc/keyhold/issuers.json',
  fallback: null,
  fallbackText: '',
  parse: path,
};

/** S23. */
export const oidcSettings = { oidcIssuersFile } as const;
