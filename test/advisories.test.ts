import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** What happened in other gateways, and is shown not to happen here by a test whose title says so. */
const advisories: Readonly<Record<string, string>> = {
  'CVE-2024-6587': 'a caller\'s api_base receives the stored key',
  'CVE-2025-66405': 'a custom host reaches what only the gateway may',
  'Portkey#1718': 'a proxy route skips the check of the host',
  'Portkey#1596': 'a # in a part of a host changes the host',
  'Portkey#1587': 'a filter that lets no operator allow hosts inside',
  'GHSA-w98g-5w9p-p3rc': 'CGNAT, 6to4, NAT64 and site-local addresses taken for public',
  'CVE-2026-42208': 'SQL in a bearer token',
  'CVE-2026-35030': 'authentication cached by a token\'s beginning',
  'CVE-2026-35029': 'a route of the configuration without a check of the role',
  'GHSA-69x8': 'the stored hash accepted as the key',
  'GHSA-4xpc': 'the Host header gets around a check',
  'CVE-2026-47101': 'routes allowed by who is to be bound',
  'CVE-2024-8984': 'a multipart body keeps the processor busy',
  'LiteLLM#28864': 'spend of every tenant visible to one',
  'LiteLLM#26672': 'budgets wrong across replicas',
  'LiteLLM#27735': 'budgets wrong across replicas',
  'LiteLLM#34732': 'budgets wrong across replicas',
  'Bifrost#2873': 'pass-through routes evade budgets',
  'LiteLLM#14457': 'a client that leaves loses or invents usage',
  'LiteLLM#36008': 'a client that leaves loses or invents usage',
  'LiteLLM#37558': 'a client that leaves loses or invents usage',
  'LiteLLM#37992': 'a client that leaves loses or invents usage',
  'LiteLLM#18731': 'keys in error texts, addresses and logs of spending',
  'LiteLLM#31620': 'keys in error texts, addresses and logs of spending',
  'LiteLLM#24902': 'keys in error texts, addresses and logs of spending',
  'Bifrost#4621': 'virtual keys in plain text',
  'LiteLLM#38121': 'database down at the start: 401 until a restart, while readiness says 200',
  'dify#39933': 'a vault\'s outage told as a wrong credential',
};

const root = fileURLToPath(new URL('../', import.meta.url));

it('a test names each advisory', () => {
  const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).filter((file) => !file.endsWith('advisories.test.ts'));
  const titles = files.flatMap((file) => readFileSync(root + file, 'utf8').split('\n').filter((line) => /\b(?:it|describe)\b[.\w]*\(|^\s*\]\)\(/.test(line)));
  const unnamed = Object.keys(advisories).filter((id) => !titles.some((line) => new RegExp(`${id}(?!\\d)`).test(line)));
  expect(unnamed).toEqual([]);
});
