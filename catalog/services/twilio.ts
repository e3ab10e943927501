import type { Service } from '../../src/core/catalog/service.ts';

/** https://www.twilio.com/docs/iam/api-keys: the account's id and its token are used together. */
export const twilio: Service = {
  id: 'twilio',
  name: 'Twilio',
  category: 'Communication',
  fields: [
    { name: 'account_sid', required: true, format: '^AC[0-9a-f]{32}$', environment: 'TWILIO_ACCOUNT_SID' },
    { name: 'auth_token', required: true, format: '^[0-9a-f]{32}$', environment: 'TWILIO_AUTH_TOKEN' },
  ],
  settings: [],
  gateway: null,
};
