import type { Service } from '../../src/core/catalog/service.ts';

/** https://docs.stripe.com/keys */
export const stripe: Service = {
  id: 'stripe',
  name: 'Stripe',
  category: 'Payment',
  fields: [{ name: 'api_key', required: true, format: '^(sk|rk)_(test|live)_\\w+$', environment: 'STRIPE_API_KEY' }],
  settings: [],
  gateway: null,
};
