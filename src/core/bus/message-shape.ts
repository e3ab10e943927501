import type { BusMessage } from '../../ports/bus.ts';

/** Every topic and its texts, beside the version. */
const texts: Readonly<Record<BusMessage['topic'], readonly string[]>> = {
  credential: ['scopeKey', 'service', 'label'],
  tenant: ['tenant'],
  policy: ['tenant'],
  limits: ['tenant', 'layer'],
  prices: ['scopeKey'],
  budgets: ['tenant'],
  'own-vault': ['tenant'],
  token: ['id'],
  'data-key': ['scopeKey', 'id'],
  'gateway-key': ['id'],
  user: ['id'],
  membership: ['tenant', 'user'],
  'role-bindings': [],
  role: ['scopeKey', 'name'],
  session: ['id'],
  seal: [],
};

/** Whether a value is a message whose topic and form this version of Keyhold knows. */
export function isBusMessage(value: unknown): value is BusMessage {
  if (!isObject(value)) return false;
  const { topic, version } = value;
  return isTopic(topic) && Number.isSafeInteger(version) && texts[topic].every((name) => typeof value[name] === 'string');
}

function isTopic(topic: unknown): topic is BusMessage['topic'] {
  return typeof topic === 'string' && Object.hasOwn(texts, topic);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
