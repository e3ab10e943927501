import { readFileSync } from 'node:fs';
import type { PriceData } from '../../src/core/prices/price-list.ts';

/** A model a line, so that what a refresh changes can be read. */
export function priceListText({ source, services }: PriceData): string {
  const texts = Object.entries(services).map(([id, { models, ...facts }]) => {
    const lines = models.map((model) => `  ${JSON.stringify(model)}`).join(',\n');
    return `${JSON.stringify(id)}: {${Object.entries(facts).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}, `).join('')}"models": [\n${lines}\n]}`;
  });
  return `{"source": ${JSON.stringify(source)}, "services": {\n${texts.join(',\n')}\n}}\n`;
}

/** Of the package that the prices are taken from. */
export function installedVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../node_modules/@pydantic/genai-prices/package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string') return manifest.version;
  throw new Error('The package @pydantic/genai-prices has no version.');
}
