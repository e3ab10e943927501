import { expect, it } from 'vitest';
import { startProduct } from '../support/product.ts';

it('R0.1: Ctrl-C that arrives again from the launcher, however late in the stopping, still ends with 0 and everything written', async () => {
  for (const gapMs of [0, 3, 10, 25]) {
    const product = await startProduct();
    product.process.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, gapMs));
    // A process that has ended in the meantime cannot be asked, which is fine.
    product.process.kill('SIGINT');
    expect({ gapMs, ...(await product.stop()) }).toEqual({ gapMs, code: 0, signal: null });
    expect(product.output()).toContain('"event":"stopped"');
  }
});
